"""Tells channels of alerts that were written down: each of both, beginning and end, at least once, in order."""

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from sync_system.errors import NotTold
from sync_system.ledger import alerts
from sync_system.ledger.alerts import Alert
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock

TRIES = 3
Stage = Literal["raised", "over"]


class Channel(Protocol):
    """Where alerts are sent."""

    async def send(self, alert: Alert, stage: Stage) -> None:
        """Tell of an alert's beginning or end; raise NotTold."""


class Telling:
    """Tells every channel what it has not heard yet."""

    def __init__(self, db: Database, channels: Mapping[str, Channel], clock: Clock, *, wait: float = 0.5) -> None:
        self.db, self.channels, self.clock, self.wait = db, channels, clock, wait

    async def tell(self, name: str) -> int:
        """Tell one channel; return how many messages it took; raise NotTold at the first that it does not."""
        async with self.db.read() as sql:
            waiting = await alerts.untold(sql)
        sent = 0
        for alert in waiting:
            for stage in missing(alert, name):
                await self._send(name, alert, stage)
                sent += 1
        return sent

    async def _send(self, name: str, alert: Alert, stage: Stage) -> None:
        repeated = AsyncRetrying(
            stop=stop_after_attempt(TRIES), retry=retry_if_exception_type(NotTold),
            wait=wait_random_exponential(self.wait, 8 * self.wait), reraise=True,
        )  # fmt: skip
        try:
            await repeated(self.channels[name].send, alert, stage)
        except NotTold as exc:
            await self._note(name, alert, stage_before(stage), error=str(exc))
            raise
        await self._note(name, alert, stage)

    async def _note(self, name: str, alert: Alert, stage: str | None, error: str = "") -> None:
        now, tally = self.clock(), Tally()
        tally.add("told", name, "failed" if error else "ok")
        note = {"stage": stage, "at": now} | ({"error": error} if error else {})
        async with self.db.write() as sql:
            await alerts.note_told(sql, alert.id, name, note, self.channels, now)
            await tally.store(sql, now)


def missing(alert: Alert, channel: str) -> Iterator[Stage]:
    """Return what a channel is still to be told of an alert."""
    stage = alert.told.get(channel, {}).get("stage")
    if stage is None:
        yield "raised"
    if alert.over_at is not None and stage != "over":
        yield "over"


def stage_before(stage: Stage) -> Stage | None:
    """Return what a channel has heard that is to be told this next."""
    return "raised" if stage == "over" else None
