"""Rows that were reported without their values: read by the batch, and taken in as snapshots."""

from collections.abc import Mapping, Sequence

from sync_system.connectors.protocol import Connector, Lookup, Row
from sync_system.domain.catalog import Catalog
from sync_system.errors import ConnectorError, InvalidEvent
from sync_system.ledger import looks
from sync_system.ledger.database import Database, Sql
from sync_system.services.clock import Clock
from sync_system.services.ingest import Rejection, rejection, writes_down
from sync_system.services.intake import Intake, Taken
from sync_system.services.reading import Arrival, Reader

LONGEST_WAIT = 300_000_000
SHORTEST_WAIT = 1_000_000
Due = tuple[str, int, int]


class Looks:
    """Answers the looks that intake asked for."""

    def __init__(self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector], clock: Clock) -> None:
        self.db, self.catalog, self.connectors, self.clock = db, catalog, connectors, clock
        self.intake, self.reader = Intake(db, catalog, clock), Reader(catalog)

    async def look(self, system: str) -> Taken:
        """Answer one batch of each object's looks; an outage only delays them."""
        taken = Taken()
        for object, routes in self.catalog.routes.items():
            if system in routes and "ids" in routes[system].lookups:
                async with self.db.read() as sql:
                    due = await looks.due(sql, system, object, self.clock(), routes[system].lookup_batch)
                if due:
                    one = await self._answer(system, object, due)
                    taken.outcomes += one.outcomes
                    taken.destinations |= one.destinations
                    taken.down |= one.down
        return taken

    async def _answer(self, system: str, object: str, due: Sequence[Due]) -> Taken:
        began_at = self.clock()
        try:
            rows = await self.connectors[system].lookup(object, Lookup(ids=[external_id for external_id, _, _ in due]))
        except ConnectorError:
            async with self.db.write() as sql:
                until = {external_id: began_at + waiting_time(tries) for external_id, _, tries in due}
                await looks.postpone(sql, system, object, until)
            return Taken(down=True)
        by_id = {row.external_id: row for row in rows}
        arrivals: list[Arrival] = []
        rejected: list[Rejection] = []
        for external_id, reported_at, _ in due:
            read = self._read(system, object, external_id, by_id.get(external_id), reported_at, began_at)
            (rejected if isinstance(read, Rejection) else arrivals).append(read)  # type: ignore[arg-type]

        async def also(sql: Sql) -> None:
            await looks.done(sql, system, object, [(external_id, at) for external_id, at, _ in due])
            if any(tries for _, _, tries in due):
                await looks.hasten(sql, system, object, began_at)
            if write := writes_down(rejected, began_at):
                await write(sql)

        return await self.intake.take(arrivals, also)

    def _read(
        self, system: str, object: str, external_id: str, row: Row | None, reported_at: int, now: int
    ) -> Arrival | Rejection:
        event_id = f"look:{object}:{external_id}:{reported_at}"
        if row is None:
            return self.reader.gone(system, object, external_id, event_id, now)
        try:
            return self.reader.row(system, object, row, event_id, now)
        except InvalidEvent as exc:
            return rejection(system, event_id.encode(), f"row {external_id}: {exc}")


def waiting_time(tries: int) -> int:
    """Return how long to wait after so many failed tries, in microseconds."""
    return int(min(SHORTEST_WAIT << min(tries, 20), LONGEST_WAIT))
