"""Webhooks: a system tells what has changed; checked by its connector, then published like any other event."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.bodies import read_body
from api.parts import CorePart
from api.problems import Refusal, responses
from sync_system.bootstrap import Core
from sync_system.connectors.protocol import WebhookRequest
from sync_system.errors import WebhookRefused
from sync_system.messaging.broker import Outgoing
from sync_system.services.publishing import message

log = structlog.get_logger(__name__)
router = APIRouter(tags=["webhooks"])


class Taken(BaseModel):
    """What a webhook came to."""

    events: int = Field(description="How many events it told of.")


@router.post(
    "/webhooks/{system}",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Taken,
    summary="Receive a webhook of a system",
    responses={204: {"description": "It told of nothing that is synced"}, **responses(401, 404, 413, 503)},
)
async def post_webhook(system: str, request: Request, core: CorePart) -> Taken | Response:
    """Take in a webhook: answered with 202 once RabbitMQ has confirmed its events; 503 asks to send it again."""
    if system not in core.settings.systems:
        raise Refusal(HTTPStatus.NOT_FOUND, "no such system is configured")
    arrived = WebhookRequest(
        method=request.method,
        url=address_as_called(request, core.settings.root.public_url),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await read_body(request),
        at=core.clock(),
    )
    try:
        messages = _messages(core, system, arrived)
    except WebhookRefused as exc:
        log.warning("webhook.refused", system=system, reason=str(exc))
        raise Refusal(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Signature"}) from exc
    await core.publisher.publish(messages)
    log.info("webhook.received", system=system, events=len(messages))
    return Taken(events=len(messages)) if messages else Response(status_code=HTTPStatus.NO_CONTENT)


def _messages(core: Core, system: str, arrived: WebhookRequest) -> list[Outgoing]:
    connector = core.connectors[system]
    return [
        message(system, object, change)
        for object in core.settings.systems[system].objects
        for change in connector.parse_webhook(object, arrived)
    ]


def address_as_called(request: Request, public_url: str | None) -> str:
    """Return the address that the sender called and signed: behind a proxy only the configuration knows it."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope.get("query_string", b"")
    base = public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}{path.decode('latin-1')}" + (f"?{query.decode('latin-1')}" if query else "")
