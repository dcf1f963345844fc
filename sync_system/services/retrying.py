"""Failed and parked transactions, tried again by hand: one attempt more for each, and nothing of its story reset."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

from sync_system.domain.catalog import Catalog
from sync_system.domain.transactions import State
from sync_system.ledger import repairs
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.ledger.repairs import Selected, Selection
from sync_system.services.canary import Canary, Stage, Tell
from sync_system.services.clock import Clock
from sync_system.services.finding import find

CHUNK = 500
RETRIED = (State.FAILED, State.PARKED)


@dataclass(slots=True)
class Retried:
    """How many went back to pending, by destination and by the state that they came from.

    `overtaken`: had moved on. `stopped`: why a canary went no further.
    """

    moved: Counter[str] = field(default_factory=Counter)
    came_from: Counter[str] = field(default_factory=Counter)
    overtaken: int = 0
    stopped: str = ""


class Retrying:
    """Moves what a person selects back to pending."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock = db, clock

    async def retry(self, selection: Selection) -> Retried:
        """Retry what is selected, some hundred in one SQL transaction; what moved on meanwhile is left alone."""
        retried = Retried()
        if selection.ids is not None:
            retried.overtaken = len(set(selection.ids))
        async for chunk in self.chunks(selection):
            await self._retry(chunk, retried)
        if selection.ids is not None:
            retried.overtaken -= retried.moved.total()
        return retried

    async def retry_by_canary(self, selection: Selection, tell: Tell) -> Retried:
        """Retry what is selected, a few at first; stop when one fails the same again."""
        retried = Retried()
        several = {one.id: one async for chunk in self.chunks(selection) for one in chunk}

        async def release(ids: Sequence[int]) -> Sequence[int]:
            return await self._retry([several[id] for id in ids], retried)

        async def note(stage: Stage) -> None:
            retried.stopped = stage.stopped
            await tell(stage)

        await Canary(self.db, release).run(sorted(several), note)
        return retried

    async def count(self, selection: Selection) -> int:
        """Return how many a retry would move now."""
        return sum([len(chunk) async for chunk in self.chunks(selection)])

    async def chunks(
        self, selection: Selection, states: Collection[State] | None = RETRIED
    ) -> AsyncIterator[list[Selected]]:
        """Read what is selected, a chunk at a time."""
        after = 0
        while True:
            async with self.db.read() as sql:
                chunk = await repairs.page(sql, selection, after, CHUNK, states)
            if not chunk:
                return
            yield chunk
            after = chunk[-1].id

    async def _retry(self, chunk: Sequence[Selected], retried: Retried) -> list[int]:
        now, tally = self.clock(), Tally()
        async with self.db.write() as sql:
            locked = await repairs.lock(sql, chunk, RETRIED)
            moved = await repairs.retry(sql, [one.id for one in locked], now)
            done = [one for one in locked if one.id in moved]
            for one in done:
                tally.moved(one.destination, one.state, State.PENDING)
                tally.add("retried", one.destination)
            await tally.store(sql, now)
        retried.moved.update(one.destination for one in done)
        retried.came_from.update(str(one.state) for one in done)
        return [one.id for one in done]


async def named(db: Database, catalog: Catalog, names: Sequence[str], states: Collection[State] = RETRIED) -> list[int]:
    """Return the transactions that names stand for: of a record, those in one of these states; raise NotFound."""
    ids: list[int] = []
    for name in names:
        found = await find(db, catalog, name)
        if found.transaction is not None:
            ids.append(found.transaction)
            continue
        async with db.read() as sql:
            ids += await repairs.of_record(sql, found.record, states)
    return list(dict.fromkeys(ids))
