"""Request bodies, read as the bytes that they are and no further than they may be long."""

from http import HTTPStatus

from fastapi import Request

from api.problems import Refusal

LONGEST = 1_048_576


async def read_body(request: Request) -> bytes:
    """Return the body; refuse more than 1 MB, before it is sent if its length is told."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told) > LONGEST:
        raise _too_long()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise _too_long()
    return bytes(body)


def _too_long() -> Refusal:
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {LONGEST} bytes")


def media_type(request: Request) -> str:
    """Return what kind of body it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
