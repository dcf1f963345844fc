"""The net under it all, drawn slowly: pages of rows held against the ledger, and what differs repaired.

One process at a time draws it in each system. How far it has come stands in the ledger together with what it has found,
so that a page counts once, whoever dies over it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_system.connectors.protocol import Connector
from sync_system.domain.catalog import Catalog
from sync_system.domain.rounds import SPREAD, Rhythm, Scope, pause
from sync_system.domain.transactions import Priority
from sync_system.errors import ConnectorError
from sync_system.ledger import cursors, destinations, leases, reports, rounds
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.rounds import CLEARING, RECORDS, ROWS, Progress, Round
from sync_system.services.agenda import Agenda, Reading
from sync_system.services.clock import Clock, new_id
from sync_system.services.judging import Judged, judge_gone, judge_records, judge_rows
from sync_system.services.limiting import Limiter
from sync_system.services.looks import waiting_time
from sync_system.services.pages import ask_for_repair
from sync_system.services.paging import Paging, Read

RECORDS_IN_A_PAGE = 500
CLEARED = 5_000  # at once, of the rows that a round has seen
# How long a page belongs to its process; then another one may read it again, and one of them counts.
LEASE = 60_000_000
# How soon a process that has nothing to do looks again.
IDLE = 5_000_000
REASON = "reconcile"


@dataclass(slots=True)
class Slice:
    """What one page came to. `wait`: microseconds until there may be more; `destinations`: where there is work now.

    `round`: whose page it was, None if nothing was due; `judged`: of the page alone; `ended`: it was the last one;
    `trouble`: why it could not be read.
    """

    wait: int = 0
    round: Round | None = None
    judged: Judged = field(default_factory=Judged)
    destinations: set[str] = field(default_factory=set)
    ended: bool = False
    trouble: str | None = None


class Reconciling:
    """Draws the net, a page at a time. `rhythms`: of each system, may be changed at any time."""

    def __init__(
        self,
        db: Database,
        catalog: Catalog,
        connectors: Mapping[str, Connector],
        limiter: Limiter,
        rhythms: Mapping[str, Rhythm],
        clock: Clock,
    ) -> None:
        self.db, self.catalog, self.connectors, self.limiter = db, catalog, connectors, limiter
        self.rhythms, self.clock = rhythms, clock
        self.paging = Paging(db, catalog, connectors)
        self._owner = new_id(clock())

    async def slice(self, system: str) -> Slice:
        """Read one page of what is due in a system, or tell how long nothing is; raise LedgerUnavailable."""
        readings = self._readings(system)
        if not readings:
            return Slice(IDLE)
        async with self.db.read() as sql:
            agenda = Agenda(system, readings, await rounds.read(sql))
            condition = (await destinations.read(sql)).get(system)
        shut = condition is not None and (condition.breaker.is_open or condition.pause is not None)
        if (wait := agenda.next_at() - self.clock()) > 0 or shut:
            return Slice(IDLE if shut else min(wait, IDLE))
        one = await self._lead(system, readings)
        if one is None:
            return Slice(IDLE)
        try:
            return await self._page(one)
        finally:
            await self._leave(system)

    def _readings(self, system: str) -> dict[Reading, int]:
        rhythm, found = self.rhythms.get(system, Rhythm()), {}
        for object in (name for name, routes in self.catalog.routes.items() if system in routes):
            facts = self.connectors[system].facts(object)
            if facts.polls and rhythm.every is not None:
                found[object, Scope.CHANGES] = rhythm.every
            if facts.lists and rhythm.full is not None:
                found[object, Scope.EVERYTHING] = rhythm.full
        return found

    async def _lead(self, system: str, readings: Mapping[Reading, int]) -> Round | None:
        """Return the round whose page is due, None if another process reads or nothing is due any more."""
        now = self.clock()
        async with self.db.write() as sql:
            if not await leases.hold(sql, _lease(system), self._owner, now, now + LEASE):
                return None
            agenda = Agenda(system, readings, await rounds.read(sql))
            begun = [await self._begun(sql, agenda, reading, now) for reading in agenda.to_begin(now)]
            if begun:
                await rounds.begin(sql, begun)
            found = Agenda(system, readings, [*agenda.known, *begun]).next(now)
            if found is None:
                await leases.release(sql, _lease(system), self._owner)
        return found

    async def _begun(self, sql: Sql, agenda: Agenda, reading: Reading, now: int) -> Round:
        """Return a round that begins now, or, if it is the first of its kind, once the system has been synced a while."""
        (object, scope), earlier = reading, [one.progress for one in agenda.rounds(reading)]
        progress = Progress(now if earlier else now + (self.rhythms[agenda.system].every or 0))
        if scope is Scope.CHANGES:
            progress.place = earlier[-1].place if earlier else await cursors.read(sql, agenda.system, object)
        else:
            last = earlier[-1].rows + earlier[-1].records if earlier else 0
            progress.expected = last or 2 * await rounds.count_records(sql, object)
        return Round(new_id(now), agenda.system, object, scope, progress, now, now)

    async def _leave(self, system: str) -> None:
        async with self.db.write() as sql:
            await leases.release(sql, _lease(system), self._owner)

    async def _page(self, one: Round) -> Slice:
        """Read the next page of a round and write down what it came to."""
        since, made, progress = self.clock(), self.limiter.made[one.system], one.progress
        progress.began_at = progress.began_at or since
        if progress.phase == CLEARING:
            return await self._clear(one)
        before = progress.rows + progress.records
        try:
            read, judged = (
                await self._rows(one, since) if progress.phase == ROWS else (Read(), await self._records(one))
            )
        except ConnectorError as exc:
            return await self._delay(one, str(exc))
        progress.trouble, progress.tries = None, 0
        now, calls = self.clock(), self.limiter.made[one.system] - made + self._looks(one, judged)
        rest = since + self.limiter.rates[one.system].rest(calls)
        progress.next_at = max(rest, now + self._pause(one, now, progress.rows + progress.records - before))
        return await self._keep(one, read, judged, now)

    def _looks(self, one: Round, judged: Judged) -> int:
        """Return how many calls the looks take that will be asked for."""
        ids = {difference.external_id for difference in judged.repairs if difference.external_id is not None}
        return -(-len(ids) // self.catalog.routes[one.object][one.system].lookup_batch)

    def _pause(self, one: Round, now: int, size: int) -> int:
        progress, full = one.progress, self.rhythms[one.system].full
        if one.scope is Scope.CHANGES or full is None or progress.phase == CLEARING:
            return 0
        until = (progress.began_at or now) + int(full * SPREAD)
        return pause(until, now, progress.expected - progress.rows - progress.records, size)

    async def _rows(self, one: Round, since: int) -> tuple[Read, Judged]:
        progress = one.progress
        read = await (self.paging.changed(one) if one.scope is Scope.CHANGES else self.paging.listed(one))
        async with self.db.read() as sql:
            judged = await judge_rows(sql, self.catalog, one, read.rows, since)
            judged.add(await judge_gone(sql, self.catalog, one, read.gone, since))
        progress.rows += len(read.rows) + len(read.gone)
        progress.place = read.place
        if one.scope is Scope.EVERYTHING and not read.more:
            progress.phase, progress.place = RECORDS, None
        return read, judged

    async def _records(self, one: Round) -> Judged:
        """Hold a page of records against the rows that were seen: some may be gone, some may never have been made."""
        progress = one.progress
        async with self.db.read() as sql:
            page = await reports.record_page(sql, one.object, progress.place or "", RECORDS_IN_A_PAGE)
            judged = await judge_records(sql, self.catalog, one, page, progress.began_at or 0)
        progress.records += len(page.records)
        progress.place = page.records[-1] if page.records else None
        if len(page.records) < RECORDS_IN_A_PAGE:
            progress.phase = CLEARING
        return judged

    async def _clear(self, one: Round) -> Slice:
        """Forget some of the rows that the round has seen; behind the last ones it is over."""
        now = self.clock()
        async with self.db.write() as sql:
            done = await rounds.clear(sql, one, CLEARED) < CLEARED
            kept = await rounds.keep(sql, one, now, done=done)
        return Slice(round=one, ended=done and kept)

    async def _delay(self, one: Round, why: str) -> Slice:
        """Read the page again later: the system could not be read."""
        now, progress = self.clock(), one.progress
        progress.next_at = now + waiting_time(progress.tries)
        progress.trouble, progress.tries = why, progress.tries + 1
        async with self.db.write() as sql:
            await rounds.keep(sql, one, now, done=False)
        return Slice(round=one, trouble=why)

    async def _keep(self, one: Round, read: Read, judged: Judged, now: int) -> Slice:
        """Write down what a page came to, once: where to go on, what was seen, what was asked for, what was counted."""
        progress, tally = one.progress, Tally()
        progress.found = dict(Counter(progress.found) + judged.found)
        progress.repaired = dict(Counter(progress.repaired) + judged.repaired)
        done = one.scope is Scope.CHANGES and not read.more
        async with self.db.write() as sql:
            if not await rounds.keep(sql, one, now, done=done):
                return Slice()  # another process has taken the page for lost, and read it
            if one.scope is Scope.EVERYTHING:
                await rounds.stage(sql, one, read.rows.keys())
            destinations = await ask_for_repair(sql, self.catalog, judged.repairs, tally, REASON, now, Priority.BULK)
            for what, count in judged.found.items():
                tally.add("reconciled", one.system, what, count)
            await tally.store(sql, now)
        return Slice(round=one, judged=judged, destinations=destinations, ended=done)


def _lease(system: str) -> str:
    return f"reconcile:{system}"
