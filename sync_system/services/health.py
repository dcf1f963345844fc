"""What a destination's answers say of it, kept in the ledger for all processes: down or not, paused or not.

Whose fault a failure is depends on it: while the destination is down, no record is charged for it.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from sync_system.connectors.protocol import Delivered, Outcome
from sync_system.domain.breaker import Breaker, Heard, hear
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import SystemUnavailable
from sync_system.ledger import charges, destinations
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.destinations import Pause
from sync_system.services.clock import Clock

log = structlog.get_logger(__name__)

SECOND = 1_000_000
# A success that is not the first after a failure is written down no oftener than this: the row is everybody's.
NOTED = SECOND
OURSELVES = "sync-system"


class Health:
    """Takes in what destinations answer."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock = db, clock
        self._noted: dict[str, int] = {}

    async def hear(self, sql: Sql, destination: str, heard: Heard, *, probe: bool = False) -> bool:
        """Take in what a batch has told; return whether its failures are charged to their records.

        In the caller's SQL transaction, after its records, links and transactions are locked.
        """
        now = self.clock()
        well = heard.answered and not heard.unavailable
        if well and not probe and now - self._noted.get(destination, 0) < NOTED:
            return True
        if well and not probe and await destinations.succeeded(sql, destination, now):
            self._noted[destination] = now
            return True
        condition = await destinations.lock(sql, destination)
        before, after = condition.breaker, hear(condition.breaker, heard, now, probe=probe)
        await destinations.keep(sql, destination, after)
        await self._follow(sql, destination, before, after)
        if after.refused and condition.pause is None:
            await destinations.pause(
                sql, destination, Pause(now, OURSELVES, f"authentication refused: {after.opened_for}")
            )
            log.error("destination.paused", destination=destination, reason=after.opened_for)
        self._noted[destination] = now if well else 0
        return probe or not before.is_open

    async def _follow(self, sql: Sql, destination: str, before: Breaker, after: Breaker) -> None:
        if after.is_open and not before.is_open:
            await destinations.owe(sql, destination, after.failing_since or 0)
            log.error("destination.down", destination=destination, reason=after.opened_for)
        if before.is_open and not after.is_open:
            await destinations.recover(sql, destination, before.failing_since or 0)
            log.info(
                "destination.up", destination=destination, seconds=(self.clock() - (before.opened_at or 0)) / SECOND
            )

    async def give_back(self) -> int:
        """Give back what records were charged for outages of their destinations; return how many charges."""
        async with self.db.read() as sql:
            owing = await destinations.owing(sql)
        total = 0
        for name, since in owing:
            async with self.db.write() as sql:
                total += await charges.give_back(sql, name, since, self.clock())
            async with self.db.write() as sql:
                await destinations.settle_debt(sql, name, since)
        return total

    async def take_probe(self, destination: str, lease: int) -> tuple[Breaker, int] | None:
        """Take the probe of a destination that is down, if one is due; return until when no other process takes it."""
        async with self.db.read() as sql:
            condition = (await destinations.read(sql)).get(destination)
        now = self.clock()
        if condition is None or not condition.breaker.is_open or condition.breaker.probe_at > now:
            return None
        async with self.db.write() as sql:
            breaker = await destinations.take_probe(sql, destination, now, now + lease)
        return None if breaker is None else (breaker, now + lease)

    async def leave_probe(self, destination: str, until: int) -> None:
        """Let another probe follow at once: what the one taken until a moment was to write is written already."""
        async with self.db.write() as sql:
            await destinations.leave_probe(sql, destination, until, self.clock())

    async def probed(self, destination: str, heard: Heard) -> None:
        """Take in what a probe has told that wrote nothing."""
        async with self.db.write() as sql:
            await self.hear(sql, destination, heard, probe=True)


# Definite, whatever they say: whoever speaks so is there.
ANSWERS = frozenset({OutcomeClass.OK, OutcomeClass.REJECTED, OutcomeClass.CONFLICT})
LOCKED = 423


def heard_in(records: Sequence[str], delivered: Delivered) -> Heard:
    """Return what a batch has told; `records`: whose writes they were, in the order of the outcomes."""
    down = [o for o in delivered.outcomes if o.outcome is OutcomeClass.UNAVAILABLE]
    answered = _answered(delivered)
    failed = [[records[p] for p in call.positions] for call in delivered.calls] or [list(records)]
    return Heard(
        answered=answered,
        unavailable=_told(down[0]) if down else "",
        failed=() if answered else failed,
        wait=int(max((o.retry_after or 0 for o in down), default=0) * SECOND),
        refused=any(_refused(o.status, o.code) for o in down),
    )


def _answered(delivered: Delivered) -> bool:
    """Whether anything was answered to the point, if only that one record failed."""
    kinds = {o.outcome for o in delivered.outcomes}
    if kinds & ANSWERS:
        return True
    said = (call.status for call in delivered.calls if call.status is not None)
    return OutcomeClass.RETRY in kinds and any(status < 300 or status == LOCKED for status in said)


def _told(outcome: Outcome) -> str:
    return outcome.message or f"HTTP {outcome.status}"


def heard_failing(exc: SystemUnavailable) -> Heard:
    """Return what a read that was not answered has told."""
    return Heard(
        unavailable=str(exc), wait=int((exc.retry_after or 0) * SECOND), refused=_refused(exc.status, exc.code)
    )


def _refused(status: int | None, code: str) -> bool:
    return status == 401 or code == "authentication"


def unanswered(heard: Heard, exc: SystemUnavailable) -> Heard:
    """Return what a batch has told that failed without saying why, when a read fails as well: the system is down."""
    return replace(heard_failing(exc), failed=heard.failed)
