"""A replay of many failures, a few at first: 1, 5, 25, … until all got through, or one fails the same again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sync_system.domain.transactions import State, Trigger
from sync_system.ledger import destinations, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.ledger.transactions import Standpoint
from sync_system.services.clock import Clock

FACTOR = 5
LOOK_SECONDS = 0.2
# Nothing delivers, or the destination is asked too slowly: the rest waits for the next replay.
PATIENCE_SECONDS = 120.0
WAITING = frozenset({State.FAILED, State.PARKED})
UNDER_WAY = frozenset({State.PENDING, State.PROCESSING})


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a canary replay: how many were tried, how many failed the same again, and why it goes no further."""

    tried: int
    again: int = 0
    stopped: str = ""


Release = Callable[[Sequence[int]], Awaitable[Sequence[int]]]
Tell = Callable[[Stage], Awaitable[None]]


class Canary:
    """Replays failures step by step. `release` lets some of them be delivered, and returns which it could."""

    def __init__(self, db: Database, release: Release) -> None:
        self.db, self.release = db, release

    async def run(self, ids: Sequence[int], tell: Tell) -> None:
        """Replay these transactions, oldest first; each step is told, and the first bad one is the last."""
        size, at = 1, 0
        while at < len(ids):
            step = ids[at : at + size]
            async with self.db.read() as sql:
                before = await transactions.standpoints(sql, step)
            released = await self.release(step)
            stage = await self._outcome({id: before[id] for id in released})
            await tell(stage)
            if stage.stopped:
                return
            size, at = size * FACTOR, at + size

    async def _outcome(self, before: Mapping[int, Standpoint]) -> Stage:
        """Wait until all of a step have been tried."""
        tried, systems = len(before), {one.destination for one in before.values()}
        for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
            async with self.db.read() as sql:
                now = await transactions.standpoints(sql, list(before))
                up = await destinations.ready(sql, sorted(systems))
            again = sum(one.state in WAITING and one.fingerprint == before[id].fingerprint for id, one in now.items())
            if again:
                return Stage(tried, again, f"{again} of {tried} failed the same again")
            if not any(one.state in UNDER_WAY for one in now.values()):
                return Stage(tried)
            if up != systems:
                return Stage(tried, stopped=f"{', '.join(sorted(systems - up))} is down or paused")
            await asyncio.sleep(LOOK_SECONDS)
        return Stage(tried, stopped=f"not all of {tried} were tried in {PATIENCE_SECONDS:g} s")


async def replay_so(
    db: Database,
    clock: Clock,
    destination: str,
    fingerprint: str,
    before: int,
    wake: Callable[[], Awaitable[None]],
    tell: Tell,
) -> None:
    """Replay on schedule what failed for one cause before a moment, a canary first; `wake` tells of each step."""
    async with db.read() as sql:
        ids = await transactions.failed_for(sql, destination, fingerprint, before)

    async def release(step: Sequence[int]) -> Sequence[int]:
        now, tally = clock(), Tally()
        async with db.write() as sql:
            await transactions.lock_records(sql, step)
            moved = await transactions.move(sql, step, State.PENDING, Trigger.CANARY, now)
            tally.moved(destination, State.FAILED, State.PENDING, len(moved))
            tally.add("replayed", destination, count=len(moved))
            await tally.store(sql, now)
        await wake()
        return moved

    await Canary(db, release).run(ids, tell)
