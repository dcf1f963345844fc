"""The net under it all: every row of every system against the ledger, and what differs repaired by the same rules."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sync_system.connectors.protocol import Connector
from sync_system.domain.catalog import Catalog
from sync_system.ledger import reports
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock
from sync_system.services.differences import Difference, Kind
from sync_system.services.pages import ask_for_repair, compare_records, compare_rows

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
            await self._repair(differences)

    async def _of_rows(self, one: Compared) -> AsyncIterator[list[Difference]]:
        """Read a system's rows and hold each against its record and link."""
        async for page in self.connectors[one.system].rows(one.object):
            rows = {row.external_id: row for row in page.rows if not row.deleted and row.external_id not in one.seen}
            one.rows += len(rows)
            one.seen |= rows.keys()
            async with self.db.read() as sql:
                found = await compare_rows(sql, self.catalog, one.object, one.system, rows)
            one.linked, one.held, one.fields = (
                one.linked + found.linked, one.held + len(found.held), one.fields + found.fields,
            )  # fmt: skip
            yield found.differences

    async def _of_records(
        self, object: str, several: Mapping[str, Compared], comparison: Comparison
    ) -> AsyncIterator[dict[str, list[Difference]]]:
        """Find links without a row, and records without a link where there should be one."""
        after, seen = "", {system: one.seen for system, one in several.items()}
        while True:
            async with self.db.read() as sql:
                page = await reports.record_page(sql, object, after, PAGE)
                if not page.records:
                    return
                differences = await compare_records(sql, self.catalog, object, page, seen)
            after = page.records[-1]
            comparison.records[object] += len(page.records)
            yield differences

    async def _repair(self, differences: Sequence[Difference]) -> None:
        now = self.clock()
        async with self.db.write() as sql:
            tally = Tally()
            await ask_for_repair(sql, self.catalog, differences, tally, REASON, now)
            await tally.store(sql, now)
