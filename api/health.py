"""Whether the process lives, and whether what it needs answers."""

import asyncio
from http import HTTPStatus
from typing import Literal

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text

from api.parts import CorePart
from sync_system.bootstrap import Core
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.topology import HINTS

router = APIRouter(tags=["health"])

PATIENCE_SECONDS = 5.0
Answer = Literal["ok", "unavailable"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the process needs, and whether it answers."""

    status: Answer
    broker: Answer
    ledger: Answer


@router.get("/healthz", summary="Tell whether the process lives")
async def healthz() -> Alive:
    """Answer 200 as long as the process does anything at all."""
    return Alive()


@router.get(
    "/readyz",
    summary="Tell whether broker and ledger answer",
    responses={503: {"description": "One of them does not", "model": Ready}},
)
async def readyz(core: CorePart, response: Response) -> Ready:
    """Answer 200 if both can be used, else 503."""
    broker, ledger = await asyncio.gather(_broker(core), _ledger(core))
    status: Answer = "ok" if broker == ledger == "ok" else "unavailable"
    response.status_code = HTTPStatus.OK if status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return Ready(status=status, broker=broker, ledger=ledger)


async def _broker(core: Core) -> Answer:
    """A hint that wakes nobody, confirmed, goes the very way that events take."""
    hint = Outgoing(HINTS, "", orjson.dumps({"topic": "health", "destinations": []}), persistent=False, mandatory=False)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await core.publisher.publish([hint])
    except (BrokerUnavailable, TimeoutError):
        return "unavailable"
    return "ok"


async def _ledger(core: Core) -> Answer:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), core.db.read() as sql:
            await sql.execute(text("SELECT 1"))
    except (LedgerUnavailable, TimeoutError):
        return "unavailable"
    return "ok"
