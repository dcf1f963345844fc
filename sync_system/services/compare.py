"""The net under it all: every row of every system against the ledger, and what differs repaired by the same rules."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_system.connectors.protocol import Connector, Row
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.planning import wanted
from sync_system.ledger import held, identity, looks, reports, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.ledger.dossiers import Dossier, load
from sync_system.ledger.reports import Linked
from sync_system.ledger.transactions import Plan
from sync_system.services.clock import Clock
from sync_system.services.differences import Difference, Kind, of_row, open_state, records_to_plan, rows_to_look_at
from sync_system.services.planning import plan_record

PAGE = 500
REASON = "compare"
Open = dict[tuple[str, str], int]  # by destination and state


@dataclass(slots=True)
class Compared:
    """One object in one system: how many rows it has, how many are linked or held, and differences by kind."""

    object: str
    system: str
    rows: int = 0
    linked: int = 0
    held: int = 0
    fields: int = 0
    differences: Counter[Kind] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Comparison:
    """The whole: one entry for each object and system, how many records there are, and what is still under way."""

    compared: list[Compared] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    open: dict[str, Open] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not any(one.differences for one in self.compared)


Found = Callable[[Sequence[Difference]], None]


class Comparing:
    """Compares rows with records a page at a time; of what has been read, only ids are kept."""

    def __init__(self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector], clock: Clock) -> None:
        self.db, self.catalog, self.connectors, self.clock = db, catalog, connectors, clock

    async def compare(self, found: Found, *, repair: bool = False) -> Comparison:
        """Compare everything; `found` hears of differences as they turn up. Raise ConnectorError, LedgerUnavailable.

        Changes that are on their way while this runs show as differences: `Difference.open` tells of them. `repair`
        asks for a look at every row that differs and plans again, for the running service to do the rest.
        """
        comparison = Comparison()
        for object, routes in self.catalog.routes.items():
            several = {name: Compared(object, name) for name, route in routes.items() if route.rules.writes}
            for one in several.values():
                async for differences in self._of_rows(one):
                    await self._note(one, differences, found, repair=repair)
            async for page in self._of_records(object, several, comparison):
                for system, differences in page.items():
                    await self._note(several[system], differences, found, repair=repair)
            comparison.compared += several.values()
            async with self.db.read() as sql:
                comparison.open[object] = await reports.open_transactions(sql, object)
        return comparison

    async def _note(self, one: Compared, differences: Sequence[Difference], found: Found, *, repair: bool) -> None:
        one.differences.update(d.kind for d in differences)
        found(differences)
        if repair and differences:
            await self._repair(one.system, one.object, differences)

    async def _of_rows(self, one: Compared) -> AsyncIterator[list[Difference]]:
        """Read a system's rows and hold each against its record and link."""
        route = self.catalog.routes[one.object][one.system]
        async for page in self.connectors[one.system].rows(one.object):
            rows = {row.external_id: row for row in page.rows if not row.deleted and row.external_id not in one.seen}
            one.rows += len(rows)
            one.seen |= rows.keys()
            yield await self._of_page(one, route, rows)

    async def _of_page(self, one: Compared, route: Route, rows: Mapping[str, Row]) -> list[Difference]:
        rules, region = self.catalog.rules[one.object], self.catalog.objects[one.object].default_region
        async with self.db.read() as sql:
            owners = await identity.linked(sql, one.system, one.object, rows.keys())
            apart = await held.find(sql, one.system, one.object, rows.keys() - owners.keys())
            dossiers = await load(sql, set(owners.values()), rules, systems=[one.system], lock=False)
        one.linked, one.held = one.linked + len(owners), one.held + len(apart)
        differences: list[Difference] = []
        for external_id, row in rows.items():
            if external_id in owners:
                one.fields += len(row.values)
                differences += of_row(row, dossiers[owners[external_id]], route, region)
            elif external_id not in apart:
                differences.append(Difference(Kind.UNLINKED, one.object, one.system, external_id))
        return differences

    async def _of_records(
        self, object: str, several: Mapping[str, Compared], comparison: Comparison
    ) -> AsyncIterator[dict[str, list[Difference]]]:
        """Find links without a row, and records without a link where there should be one."""
        after = ""
        while True:
            async with self.db.read() as sql:
                page = await reports.record_page(sql, object, after, PAGE)
                if not page.records:
                    return
                links = {(link.record, link.system): link for link in page.links}
                bare = [r for r in page.records for s in several if _is_bare(links.get((r, s)))]
                dossiers = await load(sql, set(bare), self.catalog.rules[object], lock=False)
            after = page.records[-1]
            comparison.records[object] += len(page.records)
            yield {
                system: [
                    *_missing(one, links.values()),
                    *self._absent(one, (dossiers[r] for r in page.records if _is_bare(links.get((r, system))))),
                ]
                for system, one in several.items()
            }

    def _absent(self, one: Compared, bare: Iterable[Dossier]) -> list[Difference]:
        rules = self.catalog.rules[one.object][one.system]
        found = []
        for dossier in bare:
            want = wanted(dossier.record, dossier.links.get(one.system), rules)
            if want.anything:
                found.append(
                    Difference(
                        Kind.ABSENT, one.object, one.system, record=dossier.record.id, reason=want.refused or "",
                        open=open_state(dossier, one.system),
                    )
                )  # fmt: skip
        return found

    async def _repair(self, system: str, object: str, differences: Sequence[Difference]) -> None:
        """Ask for looks and plan again; the rest is done by those who look and deliver anyway."""
        now, rules = self.clock(), self.catalog.rules[object]
        ids = rows_to_look_at(differences) if "ids" in self.catalog.routes[object][system].lookups else []
        async with self.db.write() as sql:
            plan, tally = Plan(), Tally()
            for dossier in (await load(sql, records_to_plan(differences), rules)).values():
                plan_record(self.catalog, dossier, plan, REASON, now)
            await transactions.apply(sql, plan, tally, now)
            await looks.ask(sql, [_look(system, object, external_id, now) for external_id in ids])
            await tally.store(sql, now)


def _is_bare(link: Linked | None) -> bool:
    return link is None or (link.external_id is None and not link.deleted)


def _missing(one: Compared, links: Iterable[Linked]) -> list[Difference]:
    return [
        Difference(Kind.MISSING, one.object, one.system, link.external_id, link.record)
        for link in links
        if link.system == one.system
        and link.external_id is not None
        and not link.deleted
        and link.external_id not in one.seen
    ]


def _look(system: str, object: str, external_id: str, now: int) -> dict[str, Any]:
    return {
        "external_id": external_id, "system": system, "object": object, "reason": REASON,
        "reported_at": now, "tries": 0, "next_at": now,
    }  # fmt: skip
