"""Newborn rows of ours that were not needed: taken back while nobody has touched them, else shown to a person."""

from collections.abc import Mapping
from typing import Any

from sync_system.connectors.protocol import Connector, Lookup, Row
from sync_system.domain.catalog import Catalog, Route
from sync_system.errors import ConnectorError, InvalidEvent
from sync_system.ledger import held
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock
from sync_system.services.reading import read_values

BATCH = 50


class Withdrawing:
    """Takes back what settlement marked."""

    def __init__(self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector], clock: Clock) -> None:
        self.db, self.catalog, self.connectors, self.clock = db, catalog, connectors, clock

    async def withdraw(self) -> int:
        """Take back what is marked, in every system; return how many rows went. What cannot be read waits."""
        count = 0
        for object, routes in self.catalog.routes.items():
            for system, route in routes.items():
                if route.deletes and "ids" in route.lookups:
                    async with self.db.read() as sql:
                        marked = await held.to_withdraw(sql, system, object, BATCH)
                    if marked:
                        count += await self._take_back(system, object, route, marked)
        return count

    async def _take_back(self, system: str, object: str, route: Route, marked: list[Any]) -> int:
        connector = self.connectors[system]
        try:
            rows = await connector.lookup(object, Lookup(ids=[row.external_id for row in marked]))
        except ConnectorError:
            return 0
        there = {row.external_id: row for row in rows if not row.deleted}
        touched = [m for m in marked if m.external_id in there and not self._untouched(object, route, there, m)]
        ids = [m.external_id for m in marked if m not in touched and m.external_id in there]
        delivered = await connector.delete(object, ids) if ids else None
        gone = (
            {id for id, outcome in zip(ids, delivered.outcomes, strict=True) if outcome.outcome == "ok"}
            if delivered
            else set()
        )
        gone |= {m.external_id for m in marked if m.external_id not in there}
        async with self.db.write() as sql:
            await held.release(sql, system, object, gone)
            await held.leave_to_a_person(sql, system, object, [m.external_id for m in touched], self.clock())
        return len(gone)

    def _untouched(self, object: str, route: Route, there: Mapping[str, Row], marked: Any) -> bool:
        """Whether the row still holds just what we wrote."""
        try:
            now = read_values(route, there[marked.external_id].values, self.catalog.objects[object].default_region)
        except InvalidEvent:
            return False
        return all(now.get(name) == (marked.payload or {}).get(name) for name in route.rules.written)
