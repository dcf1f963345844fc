"""A replay of many failures of one cause, a few at first: 1, 5, 25, … until they get through, or fail the same again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sync_system.domain.transactions import State, Trigger
from sync_system.ledger import destinations, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock

FACTOR = 5
LOOK_SECONDS = 0.2
# Nothing delivers, or the destination is asked too slowly: the rest waits for the next replay.
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a canary replay: how many were tried, how many failed the same again, and why it goes no further."""

    tried: int
    again: int = 0
    stopped: str = ""


Tell = Callable[[Stage], Awaitable[None]]


class Canary:
    """Replays the failures of a cause step by step. `wake` tells those who deliver that there is something."""

    def __init__(self, db: Database, clock: Clock, wake: Callable[[str], Awaitable[None]]) -> None:
        self.db, self.clock, self.wake = db, clock, wake

    async def replay(self, destination: str, fingerprint: str, tell: Tell) -> None:
        """Replay everything that failed so until now, in steps; each is told, and the first bad one is the last."""
        began_at, size = self.clock(), 1
        while True:
            ids = await self._release(destination, fingerprint, began_at, size)
            if not ids:
                return
            await self.wake(destination)
            stage = await self._outcome(destination, fingerprint, ids)
            await tell(stage)
            if stage.stopped:
                return
            size *= FACTOR

    async def _release(self, destination: str, fingerprint: str, before: int, size: int) -> list[int]:
        now = self.clock()
        async with self.db.write() as sql:
            ids = await transactions.failed_so(sql, destination, fingerprint, before, size)
            moved = await transactions.move(sql, ids, State.PENDING, Trigger.CANARY, now)
            tally = Tally()
            tally.moved(destination, State.FAILED, State.PENDING, len(moved))
            tally.add("replayed", destination, count=len(moved))
            await tally.store(sql, now)
        return moved

    async def _outcome(self, destination: str, fingerprint: str, ids: list[int]) -> Stage:
        """Wait until all of a step have been tried."""
        patience = PATIENCE_SECONDS
        while patience > 0:
            async with self.db.read() as sql:
                under_way, again = await transactions.outcome_of(sql, ids, fingerprint)
                up = await destinations.ready(sql, [destination])
            if again:
                return Stage(len(ids), again, f"{again} of {len(ids)} failed the same again")
            if not under_way:
                return Stage(len(ids))
            if not up:
                return Stage(len(ids), stopped=f"{destination} is down or paused")
            await asyncio.sleep(LOOK_SECONDS)
            patience -= LOOK_SECONDS
        return Stage(len(ids), stopped=f"{under_way} of {len(ids)} were not tried in {PATIENCE_SECONDS:g} s")
