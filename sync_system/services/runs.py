"""Runs over whole systems: one process at a time works on each, and none runs ahead of what the systems take."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from sync_system.errors import NotFound, RunTaken
from sync_system.ledger import leases, queues, runs
from sync_system.ledger.database import Database
from sync_system.ledger.runs import Run
from sync_system.services.clock import Clock, new_id

Shown = Callable[[str, int], None]

PAGE = 200
# So many pages of bulk work may wait for a destination; more would only wait there instead of here.
AHEAD = 2
WAIT_SECONDS = 0.2
LEASE = 12_000_000


class Runs:
    """The runs that this process works on."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock = db, clock
        self._owner = new_id(clock())

    async def read(self, id: str) -> Run:
        """Return a run as it stands now; raise NotFound."""
        async with self.db.read() as sql:
            found = await runs.read(sql, id)
        if found is None:
            raise NotFound(f"there is no run {id!r}")
        return found

    @asynccontextmanager
    async def taken(self, run: Run) -> AsyncIterator[None]:
        """Work on a run alone; a process that was killed lets go of it after some seconds. Raise RunTaken."""
        name = f"run:{run.id}"
        await self._take(name)
        keeping = asyncio.create_task(self._keep(name))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            async with self.db.write() as sql:
                await leases.release(sql, name, self._owner)

    async def _take(self, name: str) -> None:
        deadline = self.clock() + LEASE + LEASE // 10
        while not await self._hold(name):
            if self.clock() > deadline:
                raise RunTaken("another process works on this run: wait for it, or stop it")
            await asyncio.sleep(WAIT_SECONDS * 5)

    async def _keep(self, name: str) -> None:
        while True:
            await asyncio.sleep(LEASE / 4_000_000)
            await self._hold(name)

    async def _hold(self, name: str) -> bool:
        now = self.clock()
        async with self.db.write() as sql:
            return await leases.hold(sql, name, self._owner, now, now + LEASE)

    async def let_pass(self, systems: Iterable[str]) -> None:
        """Wait until these systems have taken most of the bulk work that was planned for them."""
        while True:
            async with self.db.read() as sql:
                waiting = [await queues.count_bulk(sql, name, AHEAD * PAGE) for name in systems]
            if max(waiting) < AHEAD * PAGE:
                return
            await asyncio.sleep(WAIT_SECONDS)
