"""Takes a run's links back, a page at a time: what was linked by it is unlinked, and no row in any system is touched."""

import asyncio

from sync_system.errors import NotFound
from sync_system.ledger import runs, staging, transactions, unlinks
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.ledger.runs import Run
from sync_system.ledger.staging import Staged
from sync_system.services.clock import Clock
from sync_system.services.runs import Runs, Shown

PAGE = 500
WAIT_SECONDS = 0.5


class Unlinking:
    """Takes links back."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock, self.runs = db, clock, Runs(db, clock)

    async def unlink(self, run: Run, show: Shown) -> None:
        """Take the links of a run back; can be stopped and repeated. Raise NotFound if it has linked nothing, RunTaken."""
        if run.state not in {"applying", "done", "undone"}:
            raise NotFound(f"the run {run.id} has linked nothing: there is nothing to take back")
        async with self.runs.taken(run):
            await self._unlink(run, show)

    async def _unlink(self, run: Run, show: Shown) -> None:
        done = 0
        for verdict, system in [("pair", run.systems[0]), *(("only", name) for name in run.systems)]:
            after = ""
            while page := await self._page(run, verdict, system, after):
                after = page[-1].external_id
                await self._take_back(run, [one.record for one in page if one.record is not None])
                done += len(page)
                show("rows", done)
        async with self.db.write() as sql:
            await unlinks.let_go(sql, run.id)
            await runs.note(sql, run.id, self.clock(), state="undone", ended_at=self.clock())

    async def _page(self, run: Run, verdict: str, system: str, after: str) -> list[Staged]:
        async with self.db.read() as sql:
            return await staging.page(sql, run.id, verdict, system, after, PAGE)

    async def _take_back(self, run: Run, records: list[str]) -> None:
        """Take back the links of some records, as soon as none of them is being delivered."""
        while records:
            now, tally = self.clock(), Tally()
            async with self.db.write() as sql:
                busy = await unlinks.under_way(sql, records, run.systems)
                free = [record for record in records if record not in busy]
                plan = await unlinks.take_back(sql, run.id, run.object, free, run.systems)
                await transactions.apply(sql, plan, tally, now)
                await tally.store(sql, now)
            records = sorted(busy)
            if records:
                await asyncio.sleep(WAIT_SECONDS)
