"""The next page of a round, as rows that the round has not seen yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_system.connectors.protocol import Change, Connector, Lookup, Row
from sync_system.domain.catalog import Catalog, Route
from sync_system.ledger import rounds
from sync_system.ledger.database import Database
from sync_system.ledger.rounds import Round

GONE = frozenset({"deleted", "merged"})


@dataclass(frozen=True, slots=True)
class Read:
    """Rows by id, and ids of rows that are gone; where to go on, and whether there is more for now."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    gone: Sequence[str] = ()
    place: str | None = None
    more: bool = False


class Paging:
    """Reads pages."""

    def __init__(self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector]) -> None:
        self.db, self.catalog, self.connectors = db, catalog, connectors

    async def listed(self, one: Round) -> Read:
        """Read on to the next page with rows that were not seen: a system that has forgotten the place begins anew."""
        async for page in self.connectors[one.system].rows(one.object, one.progress.place):
            rows = {row.external_id: row for row in page.rows if not row.deleted}
            async with self.db.read() as sql:
                seen = await rounds.staged(sql, one, rows.keys())
            fresh = {id: row for id, row in rows.items() if id not in seen}
            if fresh or page.next is None:
                return Read(fresh, place=page.next, more=page.next is not None)
        return Read()

    async def changed(self, one: Round) -> Read:
        """Read on to the next page with changes; without one, all has been read for now."""
        place = one.progress.place
        async for page in self.connectors[one.system].changes(one.object, place):
            if page.changes:
                return await self._fetched(one, page.changes, page.cursor)
            place = page.cursor
        return Read(place=place)

    async def _fetched(self, one: Round, changes: Sequence[Change], cursor: str) -> Read:
        route = self.catalog.routes[one.object][one.system]
        last = {change.external_id: change for change in changes}
        gone = [id for id, change in last.items() if change.verb in GONE]
        rows = {
            id: _row(route, change, change.values)
            for id, change in last.items()
            if change.verb not in GONE and change.values is not None
        }
        if bare := [id for id in last if id not in rows and id not in gone]:
            there = await self._looked_up(one, route, bare)
            rows |= there
            gone += [id for id in bare if id not in there]
        return Read(rows, gone, cursor, more=True)

    async def _looked_up(self, one: Round, route: Route, ids: Sequence[str]) -> dict[str, Row]:
        """Read rows of which only was told that they changed."""
        rows: dict[str, Row] = {}
        for start in range(0, len(ids), route.lookup_batch):
            part = Lookup(ids=ids[start : start + route.lookup_batch])
            rows |= {row.external_id: row for row in await self.connectors[one.system].lookup(one.object, part)}
        return rows


def _row(route: Route, change: Change, values: Mapping[str, Any]) -> Row:
    key = values.get(route.key_field) if route.key_field else None
    return Row(change.external_id, values, key=str(key) if key else None, at=change.at)
