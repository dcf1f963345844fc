"""Brings a system up to date after the configuration has changed: a system, an object or a field is new to the sync.

First what the others hold is read and taken in where it is not known yet, then every record is planned for the system; all
of it as bulk work, a page at a time, so that it can be stopped and gone on with.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_system.connectors.protocol import Connector, RowPage
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.mapping import READ
from sync_system.domain.planning import wanted
from sync_system.domain.transactions import Priority
from sync_system.errors import ConfigurationError, ConnectorError, InvalidEvent, ReadingStopped
from sync_system.ledger import reports, runs, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import load
from sync_system.ledger.runs import Run
from sync_system.ledger.transactions import Plan
from sync_system.services.clock import Clock, new_id
from sync_system.services.intake import Intake
from sync_system.services.limiting import Limiter
from sync_system.services.pages import compare_rows
from sync_system.services.planning import plan_system
from sync_system.services.reading import Arrival, Reader
from sync_system.services.runs import PAGE, Runs, Shown

KIND = "backfill"


@dataclass(slots=True)
class Estimate:
    """What a backfill takes. `rows`: to be read, by system, as far as the ledger knows; `seconds`: at its share."""

    records: int = 0
    looks: int = 0
    writes: int = 0
    refused: int = 0
    rows: int = 0
    calls: int = 0
    seconds: float = 0.0


class Backfilling:
    """Brings one system up to date with what is known of one object."""

    def __init__(
        self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector], limiter: Limiter, clock: Clock
    ) -> None:
        self.db, self.catalog, self.connectors, self.limiter, self.clock = db, catalog, connectors, limiter, clock
        self.runs, self.intake, self.reader = Runs(db, clock), Intake(db, catalog, clock), Reader(catalog)

    def sources(self, object: str, system: str, fields: Collection[str]) -> list[str]:
        """Return the other systems that can tell of these fields; raise ConfigurationError where there is nothing to do."""
        routes = self.catalog.routes.get(object, {})
        if system not in routes:
            raise ConfigurationError(f"{system} does not sync {object}: there is nothing to bring up to date")
        if missing := sorted(set(fields) - routes[system].rules.fields.keys()):
            raise ConfigurationError(f"{system} maps no {object}.{missing[0]}: add it to its fields first")
        wanted_fields = set(fields) or routes[system].rules.fields.keys()
        return [
            name
            for name, route in routes.items()
            if name != system and self.connectors[name].facts(object).lists and _tells(route, wanted_fields)
        ]

    async def estimate(self, object: str, system: str, fields: Collection[str]) -> Estimate:
        """Foretell a backfill from what the ledger knows now; nothing is read or written elsewhere."""
        made, after, route = Estimate(), "", self.catalog.routes[object][system]
        sources = self.sources(object, system, fields)
        while True:
            async with self.db.read() as sql:
                page = await reports.record_page(sql, object, after, PAGE)
                dossiers = await load(sql, page.records, self.catalog.rules[object], systems=[system], lock=False)
            if not page.records:
                break
            after = page.records[-1]
            made.records += len(page.records)
            made.rows += sum(link.system in sources and link.external_id is not None for link in page.links)
            for dossier in dossiers.values():
                want = wanted(dossier.record, dossier.links.get(system), route.rules)
                made.refused += want.refused is not None
                made.looks += want.look
                made.writes += bool(want.diff)
        self._count_calls(made, object, system, sources)
        return made

    def _count_calls(self, made: Estimate, object: str, system: str, sources: Sequence[str]) -> None:
        route, rate = self.catalog.routes[object][system], self.limiter.rates[system]
        theirs = -(-made.looks // route.lookup_batch) + -(-made.writes // route.batch)
        pages = -(-made.rows // PAGE) + len(sources)
        made.calls = theirs + pages
        slowest = max((self.limiter.rates[name].rest(pages) for name in sources), default=0)
        made.seconds = round((rate.rest(theirs) + slowest) / 1_000_000, 1)

    async def begin(self, object: str, system: str, fields: Sequence[str]) -> Run:
        """Go on with the last backfill of this system and these fields, or begin one."""
        sources, options = self.sources(object, system, fields), {"fields": sorted(fields)}
        async with self.db.read() as sql:
            found = await runs.latest(sql, KIND, object, [system])
        if found is not None and found.state != "done" and dict(found.options) == options:
            return found
        now = self.clock()
        progress = {"sources": {name: {"next": None, "ended": False, "rows": 0, "taken": 0} for name in sources}}
        run = Run(new_id(now), KIND, object, [system], "reading", options, progress, None, now, now, None)
        async with self.db.write() as sql:
            await runs.begin(sql, run)
        return run

    async def fill(self, run: Run, show: Shown) -> Run:
        """Read, take in and plan; raise ReadingStopped, RunTaken, LedgerUnavailable, after which it can go on."""
        async with self.runs.taken(run):
            progress: dict[str, Any] = {"after": "", "records": 0, "planned": 0, **run.progress}
            for source in progress["sources"]:
                await self._read(run, source, progress, show)
            await self._plan(run, progress, show)
            async with self.db.write() as sql:
                report = {name: progress[name] for name in ("records", "planned")}
                ended = {"state": "done", "ended_at": self.clock(), "report": report}
                await runs.note(sql, run.id, self.clock(), progress=progress, **ended)
        return await self.runs.read(run.id)

    async def _read(self, run: Run, source: str, progress: dict[str, Any], show: Shown) -> None:
        mine, rate = progress["sources"][source], self.limiter.rates[source]
        if mine["ended"]:
            return
        began_at, made = self.clock(), self.limiter.made[source]
        try:
            async for page in self.connectors[source].rows(run.object, mine["next"]):
                mine["next"], mine["ended"] = page.next, page.next is None
                mine["rows"] += len(page.rows)
                await self._take_in(run, source, page, progress)
                show(f"rows of {source}", mine["rows"])
                rest = began_at + rate.rest(self.limiter.made[source] - made) - self.clock()
                await asyncio.sleep(max(rest, 0) / 1_000_000)
                began_at, made = self.clock(), self.limiter.made[source]
        except ConnectorError as exc:
            raise ReadingStopped(
                f"reading {source} stopped behind {mine['rows']} rows: {exc}. The same command goes on from there"
            ) from exc
        mine["ended"] = True

    async def _take_in(self, run: Run, source: str, page: RowPage, progress: dict[str, Any]) -> None:
        """Take in the rows that tell what is not known yet; the others are as the ledger believes them to be."""
        rows = {row.external_id: row for row in page.rows if not row.deleted}
        async with self.db.read() as sql:
            compared = await compare_rows(sql, self.catalog, run.object, source, rows)
        new = {one.external_id for one in compared.differences if one.external_id is not None}
        arrivals: list[Arrival] = []
        for external_id in sorted(new & rows.keys()):
            try:
                event = f"run:{run.id}:{external_id}"
                arrivals.append(self.reader.row(source, run.object, rows[external_id], event, self.clock()))
            except InvalidEvent:  # `compare` names it, with the reason
                continue
        progress["sources"][source]["taken"] += len(arrivals)
        await self.runs.let_pass(self.catalog.routes[run.object])

        async def also(sql: Sql) -> None:
            await runs.note(sql, run.id, self.clock(), progress=progress)

        await self.intake.take(arrivals, also, Priority.BULK)

    async def _plan(self, run: Run, progress: dict[str, Any], show: Shown) -> None:
        """Plan every record for the system, behind what is on its way there."""
        [system] = run.systems
        while True:
            await self.runs.let_pass([system])
            now = self.clock()
            async with self.db.write() as sql:
                page = await reports.record_page(sql, run.object, progress["after"], PAGE)
                if not page.records:
                    return
                plan, tally = Plan(Priority.BULK), Tally()
                for dossier in (
                    await load(sql, page.records, self.catalog.rules[run.object], systems=[system])
                ).values():
                    plan_system(self.catalog, dossier, system, plan, f"run:{run.id}", now)
                progress["after"] = page.records[-1]
                progress["records"] += len(page.records)
                progress["planned"] += len(plan.created) + len(plan.woken)
                await transactions.apply(sql, plan, tally, now)
                await tally.store(sql, now)
                await runs.note(sql, run.id, now, state="planning", progress=progress)
            show(f"records for {system}", progress["records"])


def _tells(route: Route, fields: Collection[str]) -> bool:
    """Whether a system can tell of any of these fields."""
    return any(name in route.rules.fields and route.rules.fields[name].rule in READ for name in fields)
