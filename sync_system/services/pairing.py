"""Says who is who among the rows that a run has read, and what linking them would do: the report of a dry run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Catalog
from sync_system.domain.pairing import Differing, Side, foretell, refusal
from sync_system.ledger import runs, staging, verdicts
from sync_system.ledger.database import Database
from sync_system.ledger.runs import Run
from sync_system.ledger.staging import Staged
from sync_system.services.clock import Clock
from sync_system.services.reading import Reader

PAGE = 1_000
MOST_NEIGHBOURS = 20_000
LISTED = 10


class Pairing:
    """Decides about the rows of a run; asks no system anything."""

    def __init__(self, db: Database, catalog: Catalog, clock: Clock) -> None:
        self.db, self.catalog, self.clock = db, catalog, clock
        self.reader = Reader(catalog)

    async def decide(self, run: Run, prefer: str) -> None:
        """Give every row its verdict, foretell what would differ, and keep the report with the run."""
        if run.state == "reading":
            async with self.db.write() as sql:
                await staging.note_links(sql, run.id, run.object)
                await staging.leave_out_decided(sql, run.id, run.object)
                await verdicts.decide(sql, run.id, run.systems, staging.KEY)
            for system in run.systems:
                await self._name_neighbours(run, system)
        fields: dict[str, Counter[str]] = {}
        equal = await self._pairs(run, prefer, fields)
        for system in run.systems:
            await self._singles(run, system)
        async with self.db.write() as sql:
            counted = await staging.counts(sql, run.id)
            report = report_of(run, counted, equal, fields)
            options = {**run.options, "prefer": prefer}
            await runs.note(sql, run.id, self.clock(), state="read", report=report, options=options)

    async def _name_neighbours(self, run: Run, system: str) -> None:
        """Note for each ambiguous row whom it shares what with."""
        after = ""
        while True:
            async with self.db.read() as sql:
                page = await staging.page(sql, run.id, "ambiguous", system, after, PAGE)
                if not page:
                    return
                near = await verdicts.neighbours(sql, run.id, system, after, page[-1].external_id, MOST_NEIGHBOURS)
            after = page[-1].external_id
            found = [(system, one.external_id, "ambiguous", _doubt(near.get(one.external_id, []))) for one in page]
            async with self.db.write() as sql:
                await staging.note_found(sql, run.id, found)

    async def _pairs(self, run: Run, prefer: str, fields: dict[str, Counter[str]]) -> int:
        """Foretell every pair; return how many are equal, and count by field how the others differ."""
        first, second = run.systems
        equal, after = 0, ""
        while True:
            async with self.db.read() as sql:
                page = await staging.page(sql, run.id, "pair", first, after, PAGE)
                partners = await staging.partners(sql, run.id, second, [one.partner or "" for one in page])
            if not page:
                return equal
            after = page[-1].external_id
            noted: list[tuple[str, str, str, Any]] = []
            for one in page:
                other = partners[one.partner or ""]
                told = foretell([self._side(run, one), self._side(run, other)], prefer, self.catalog.ranks)
                if told.refused is not None:
                    noted += [(s.system, s.external_id, "refused", {"reason": told.refused}) for s in (one, other)]
                    continue
                equal += not told.differing
                noted.append((first, one.external_id, "pair", [_kept(d) for d in told.differing] or None))
                for d in told.differing:
                    _count(fields.setdefault(d.field, Counter()), d)
            async with self.db.write() as sql:
                await staging.note_found(sql, run.id, noted)

    async def _singles(self, run: Run, system: str) -> None:
        """Find out which of the rows that stand on one side only the other side's mapping would refuse."""
        [other] = [name for name in run.systems if name != system]
        rules, after = self.catalog.rules[run.object][other], ""
        while True:
            async with self.db.read() as sql:
                page = await staging.page(sql, run.id, "only", system, after, PAGE)
            if not page:
                return
            after = page[-1].external_id
            refused = [
                (system, one.external_id, "refused", {"reason": reason})
                for one in page
                if (reason := refusal(self._side(run, one), rules, self.catalog.ranks)) is not None
            ]
            async with self.db.write() as sql:
                await staging.note_found(sql, run.id, refused)

    def _side(self, run: Run, staged: Staged) -> Side:
        row = Row(staged.external_id, staged.payload or {}, staged.key, staged.at, staged.etag)
        arrival = self.reader.row(staged.system, run.object, row, staged.external_id, run.created_at)
        return Side(arrival.route.rules, arrival.report)


def report_of(
    run: Run, counted: Mapping[tuple[str | None, str], int], equal: int, fields: Mapping[str, Counter[str]]
) -> dict[str, Any]:
    """Return the report of a dry run."""

    def by_system(verdict: str) -> dict[str, int]:
        return {name: counted.get((verdict, name), 0) for name in run.systems}

    pairs = counted.get(("pair", run.systems[0]), 0)
    progress = {name: run.progress[name] for name in run.systems}
    return {
        "rows": {name: one["rows"] for name, one in progress.items()},
        "linked": counted.get(("linked", run.systems[0]), 0),
        "pairs": pairs,
        "equal": equal,
        "differing": pairs - equal,
        "fields": {name: _told(counter, run.systems) for name, counter in sorted(fields.items())},
        "only": by_system("only"),
        "ambiguous": by_system("ambiguous"),
        "refused": by_system("refused"),
        "decided": by_system("decided"),
        "calls": {name: one["calls"] for name, one in progress.items()},
    }


def differing_of(found: Any) -> list[Differing]:
    """Return how a pair differs, as it was kept."""
    return [Differing(one["field"], one["values"], one["wins"], one["why"]) for one in found or ()]


def _kept(one: Differing) -> dict[str, Any]:
    return {"field": one.field, "values": dict(one.values), "wins": one.wins, "why": one.why}


def _count(counter: Counter[str], one: Differing) -> None:
    counter["differ"] += 1
    counter[f"wins {one.wins}"] += 1
    for system, value in one.values.items():
        counter[f"blank {system}"] += value is None


def _told(counter: Counter[str], systems: Sequence[str]) -> dict[str, Any]:
    return {
        "differ": counter["differ"],
        "wins": {name: counter[f"wins {name}"] for name in systems},
        "blank": {name: counter[f"blank {name}"] for name in systems},
    }


def _doubt(near: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Say why nobody can tell who a row is."""
    others = dict.fromkeys(f"{system}:{external_id}" for _, system, external_id in near)
    shared = ", ".join(sorted({field for field, _, _ in near}))
    reason = f"shares {shared} with {len(others)} rows" if len(others) > 1 else f"shares {shared} with a row in doubt"
    return {"reason": reason, "with": list(others)[:LISTED]}
