"""Two systems that are already full, made one: read, paired, told of, and only then linked, a page at a time.

What is linked goes the way of everything else: as reports that intake takes in, deliveries that claim and settle; behind
what people do, and no faster than the systems take it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Catalog
from sync_system.domain.pairing import BLANK_ONLY, NEWEST, Side, kept_as_is, preferred
from sync_system.domain.transactions import Priority
from sync_system.errors import ConfigurationError, NotFound
from sync_system.ledger import cursors, held, looks, runs, staging
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.runs import Run
from sync_system.ledger.staging import Staged
from sync_system.services.clock import Clock, new_id
from sync_system.services.gathering import Gathering
from sync_system.services.intake import Intake
from sync_system.services.pairing import Pairing, differing_of
from sync_system.services.reading import Arrival, Reader
from sync_system.services.runs import PAGE, Runs, Shown

KIND = "link"
BOTH, NONE = "both", "none"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is done with what was read. `prefer`: newest, blank-only, or a system. `create`: both, none, or a system."""

    prefer: str = NEWEST
    create: str = BOTH


class Linking:
    """Links two systems in runs that can be stopped, gone on with and repeated."""

    def __init__(self, db: Database, catalog: Catalog, gathering: Gathering, clock: Clock) -> None:
        self.db, self.catalog, self.gathering, self.clock = db, catalog, gathering, clock
        self.pairing = Pairing(db, catalog, clock)
        self.intake, self.reader = Intake(db, catalog, clock), Reader(catalog)
        self.runs = Runs(db, clock)

    async def find(self, object: str, systems: Sequence[str], id: str | None) -> Run | None:
        """Return a run by its id, or the last one over these systems; raise NotFound."""
        async with self.db.read() as sql:
            run = await runs.read(sql, id) if id else await runs.latest(sql, KIND, object, systems)
        if id and (run is None or run.kind != KIND):
            raise NotFound(f"there is no run {id!r} of this kind")
        return run

    async def begin(self, object: str, systems: Sequence[str]) -> Run:
        """Begin a new run; raise ConfigurationError if these systems cannot be linked."""
        for name in systems:
            if self.catalog.route(name, object) is None:
                raise ConfigurationError(f"{name} does not sync {object}: there is nothing to link")
        if len(set(systems)) != 2:  # a pair
            raise ConfigurationError("a link has two sides: name two systems")
        now = self.clock()
        run = Run(new_id(now), KIND, object, list(systems), "reading", {}, {}, None, now, now, None)
        async with self.db.write() as sql:
            await runs.drop_open(sql, KIND, object, systems, now)
            await runs.begin(sql, run)
        return run

    async def _begin_polling(self, run: Run) -> None:
        """Let polls begin where the reading began: from their own beginning they would tell of every row once more."""
        async with self.db.write() as sql:
            for system in run.systems:
                cursor = self.gathering.connectors[system].cursor_behind(run.object, run.created_at)
                if cursor is not None:
                    await cursors.begin(sql, system, run.object, cursor, self.clock())

    async def read(self, run: Run, wishes: Wishes, show: Shown) -> Run:
        """Read both systems to the end and find out who is who; goes on where an earlier try stopped.

        Raise ReadingStopped, RunTaken, LedgerUnavailable.
        """
        async with self.runs.taken(run):
            if run.state == "reading":
                await self.gathering.read(run, show)
                await self._begin_polling(run)
            await self.pairing.decide(await self.runs.read(run.id), wishes.prefer)
        return await self.runs.read(run.id)

    async def apply(self, run: Run, wishes: Wishes, show: Shown) -> Run:
        """Link what was found; goes on where an earlier try stopped. Raise RunTaken, LedgerUnavailable."""
        async with self.runs.taken(run):
            await self._hold(run)
            options = {"prefer": wishes.prefer, "create": wishes.create}
            async with self.db.write() as sql:
                await runs.note(sql, run.id, self.clock(), state="applying", options=options)
            await self._pairs(run, wishes, show)
            for system, other in (run.systems, run.systems[::-1]):
                if wishes.create in {BOTH, other}:
                    await self._only(run, system, show)
            await self._end(run)
        return await self.runs.read(run.id)

    async def _hold(self, run: Run) -> None:
        """Let what nobody can tell stand apart, before anything is linked."""
        for system in run.systems:
            after = ""
            while page := await self._page(run, "ambiguous", system, after):
                after, now = page[-1].external_id, self.clock()
                async with self.db.write() as sql:
                    await held.hold_for_a_run(sql, [_apart(run, one, now) for one in page])
                    await self._finish(sql, run, {system: page})

    async def _pairs(self, run: Run, wishes: Wishes, show: Shown) -> None:
        first, second = run.systems
        done, after = 0, ""
        while page := await self._page(run, "pair", first, after):
            after = page[-1].external_id
            async with self.db.read() as sql:
                partners = await staging.partners(sql, run.id, second, [one.partner or "" for one in page])
            arrivals = [
                arrival
                for one in page
                if one.partner in partners
                for arrival in self._pair(run, one, partners[one.partner], wishes)
            ]
            await self._take_in(run, arrivals, {first: page, second: list(partners.values())})
            done += len(page)
            show("pairs", done)

    def _pair(self, run: Run, one: Staged, other: Staged, wishes: Wishes) -> list[Arrival]:
        """Return both rows as reports; the second leads to what is planned for either system."""
        arrivals = [self._arrival(run, row) for row in (one, other)]
        sides = [Side(arrival.route.rules, arrival.report) for arrival in arrivals]
        first, second = (
            replace(arrival, report=side.report)
            for arrival, side in zip(arrivals, preferred(sides, wishes.prefer), strict=True)
        )
        as_is = kept_as_is(differing_of(one.found)) if wishes.prefer == BLANK_ONLY else frozenset[str]()
        return [replace(first, plans=False), replace(second, as_is=as_is)]

    async def _only(self, run: Run, system: str, show: Shown) -> None:
        done, after = 0, ""
        while page := await self._page(run, "only", system, after):
            after = page[-1].external_id
            await self._take_in(run, [self._arrival(run, one) for one in page], {system: page})
            done += len(page)
            show(f"only in {system}", done)

    async def _page(self, run: Run, verdict: str, system: str, after: str) -> list[Staged]:
        async with self.db.read() as sql:
            return await staging.page(sql, run.id, verdict, system, after, PAGE, undone=True)

    def _arrival(self, run: Run, staged: Staged) -> Arrival:
        row = Row(staged.external_id, staged.payload or {}, staged.key, staged.at, staged.etag)
        read_at = run.created_at
        return self.reader.row(staged.system, run.object, row, f"run:{run.id}:{staged.external_id}", read_at)

    async def _take_in(self, run: Run, arrivals: Sequence[Arrival], rows: Mapping[str, Sequence[Staged]]) -> None:
        """Take in a page as soon as the systems have taken what the last ones led to."""
        await self.runs.let_pass(run.systems)

        async def also(sql: Sql) -> None:
            await self._finish(sql, run, rows)

        await self.intake.take(arrivals, also, Priority.BULK, linking=True)

    async def _finish(self, sql: Sql, run: Run, rows: Mapping[str, Sequence[Staged]]) -> None:
        """Be done with rows, and let what was reported of them meanwhile be looked at."""
        for system, some in rows.items():
            ids = [one.external_id for one in some]
            await staging.finish(sql, run.id, run.object, system, ids)
            await looks.hasten_rows(sql, system, run.object, ids, self.clock())

    async def _end(self, run: Run) -> None:
        now = self.clock()
        async with self.db.write() as sql:
            done = await staging.count_done(sql, run.id)
            report = dict((await runs.read(sql, run.id) or run).report or {})
            report["done"] = done_of(done, run.systems)
            await staging.forget_matches(sql, run.id)
            await runs.note(sql, run.id, now, state="done", report=report, ended_at=now)


def done_of(done: Mapping[tuple[str, str], int], systems: Sequence[str]) -> dict[str, int]:
    """Return what a run did: pairs linked, rows carried over to the other side, rows put apart."""
    return {
        "linked": done.get(("pair", systems[0]), 0),
        "created": sum(done.get(("only", name), 0) for name in systems),
        "held": sum(done.get(("ambiguous", name), 0) for name in systems),
    }


def _apart(run: Run, one: Staged, now: int) -> dict[str, Any]:
    found = one.found or {}
    return {
        "external_id": one.external_id, "system": one.system, "object": run.object, "run": run.id,
        "candidates": found.get("with", []), "reason": found.get("reason", "it may be somebody else"),
        "payload": one.payload, "created_at": now, "updated_at": now,
    }  # fmt: skip
