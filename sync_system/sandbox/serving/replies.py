"""JSON in and out of the pretend systems' routes, without a detour through models."""

import orjson
from fastapi import Request, Response


def json(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON reply."""
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


async def read_json(request: Request) -> object:
    """Return the request's JSON; orjson.JSONDecodeError if it is none."""
    document: object = orjson.loads(await request.body())
    return document
