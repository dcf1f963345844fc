"""Events by HTTP: for applications that would rather post than publish."""

from http import HTTPStatus
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.bodies import media_type, read_body
from api.parts import CorePart
from api.problems import Refusal, responses
from sync_system.bootstrap import Core
from sync_system.errors import InvalidEvent
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.envelope import CONTENT_TYPE, Envelope, decode
from sync_system.messaging.topology import EVENTS, routing_key

router = APIRouter(tags=["events"])

BATCH_TYPE = "application/cloudevents-batch+json"
TYPES = (CONTENT_TYPE, BATCH_TYPE, "application/json")
LONGEST_ID = 255


class Result(BaseModel):
    """What became of one event."""

    index: int = Field(description="Its place in the request, from 0.")
    id: str | None = Field(description="Its id, if it has one.")
    status: Literal["accepted", "refused"]
    reason: str | None = Field(None, description="Why it was refused.")


class Results(BaseModel):
    """What became of the events of a request, in their order."""

    accepted: int
    refused: int
    results: list[Result]


def _documented() -> dict[str, Any]:
    one = Envelope.model_json_schema()
    several = {"type": "array", "items": one}
    schemas = {CONTENT_TYPE: one, BATCH_TYPE: several, "application/json": {"anyOf": [one, several]}}
    return {"requestBody": {"required": True, "content": {name: {"schema": s} for name, s in schemas.items()}}}


@router.post(
    "/v1/events",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    summary="Report one lead change, or a list of them",
    responses=responses(400, 413, 415, 422, 503),
    openapi_extra=_documented(),
)
async def post_events(request: Request, core: CorePart) -> Results:
    """Take in CloudEvents (1.0, structured JSON): 202 once RabbitMQ has confirmed every one that is not refused.

    A refused event does not stop the others; 422 if all are refused. After a 503 send the same request again: an event
    is known by its source and id, so that nothing is taken in twice.
    """
    if media_type(request) not in TYPES:
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {', '.join(TYPES)}")
    read = [_read(core, index, item) for index, item in enumerate(_items(await read_body(request)))]
    messages = [one for one, _ in read if one is not None]
    results = [result for _, result in read]
    if not messages:
        reasons = [result.model_dump(exclude_none=True) for result in results]
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "none of the events can be taken in", results=reasons)
    await core.publisher.publish(messages)
    return Results(accepted=len(messages), refused=len(results) - len(messages), results=results)


def _items(body: bytes) -> list[bytes]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {exc}") from exc
    return [orjson.dumps(item) for item in document] if isinstance(document, list) else [body]


def _read(core: Core, index: int, body: bytes) -> tuple[Outgoing | None, Result]:
    try:
        event = decode(body)
        if core.catalog.route(event.source, event.object) is None:
            raise InvalidEvent(f"source: no system {event.source!r} with the object {event.object!r} is configured")
    except InvalidEvent as exc:
        return None, Result(index=index, id=_id(body), status="refused", reason=str(exc))
    key = routing_key(event.source, event.object, event.verb)
    return Outgoing(EVENTS, key, body, message_id=event.id), Result(index=index, id=event.id, status="accepted")


def _id(body: bytes) -> str | None:
    document = orjson.loads(body)
    id = document.get("id") if isinstance(document, dict) else None
    return id[:LONGEST_ID] if isinstance(id, str) else None
