"""Reads two systems whole into the ledger, a page at a time, without a word to either: the first half of a link.

What has been read and where to go on is one SQL transaction a page: a reading that was killed repeats a page at most.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sync_system.connectors.protocol import Connector, Row
from sync_system.domain.catalog import Catalog, MatchValue, Route, known_by_own
from sync_system.domain.fields import Value
from sync_system.domain.objects import ObjectSpec
from sync_system.errors import ConnectorError, InvalidEvent, ReadingStopped
from sync_system.ledger import runs, staging
from sync_system.ledger.database import Database
from sync_system.ledger.runs import Run
from sync_system.services.clock import Clock
from sync_system.services.limiting import Limiter
from sync_system.services.reading import matched_by, read_values
from sync_system.services.runs import Shown


class Gathering:
    """Reads the rows of one run."""

    def __init__(
        self, db: Database, catalog: Catalog, connectors: Mapping[str, Connector], limiter: Limiter, clock: Clock
    ) -> None:
        self.db, self.catalog, self.connectors = db, catalog, connectors
        self.limiter, self.clock = limiter, clock

    async def read(self, run: Run, show: Shown) -> None:
        """Read every system of a run to its end; `show` is told how many rows of which have been read.

        Raise ReadingStopped where a page cannot be read; what has been read stays.
        """
        progress = {name: dict(run.progress.get(name) or BEGINNING) for name in run.systems}
        # In turn, and not side by side: one that stops must not leave the other in the middle of a page.
        for system in run.systems:
            show(system, progress[system]["rows"])
            if not progress[system]["ended"]:
                await self._read(run, system, progress, show)

    async def _read(self, run: Run, system: str, progress: dict[str, dict[str, Any]], show: Shown) -> None:
        mine, rate = progress[system], self.limiter.rates[system]
        began_at, made = self.clock(), self.limiter.made[system]
        try:
            async for page in self.connectors[system].rows(run.object, mine["next"]):
                mine["pages"] += 1
                mine["calls"] += self.limiter.made[system] - made
                mine["next"], mine["ended"] = page.next, page.next is None
                await self._stage(run, system, page.rows, progress)
                show(system, mine["rows"])
                rest = began_at + rate.rest(self.limiter.made[system] - made) - self.clock()
                if rest > 0 and not mine["ended"]:
                    await asyncio.sleep(rest / 1_000_000)
                began_at, made = self.clock(), self.limiter.made[system]
        except ConnectorError as exc:
            raise ReadingStopped(
                f"reading {system} stopped behind page {mine['pages']} ({mine['rows']} rows): {exc}. "
                "What has been read is kept: the same command goes on from there"
            ) from exc
        if not mine["ended"]:
            mine["ended"] = True
            await self._stage(run, system, [], progress)

    async def _stage(self, run: Run, system: str, rows: Sequence[Row], progress: dict[str, dict[str, Any]]) -> None:
        spec, route = self.catalog.objects[run.object], self.catalog.routes[run.object][system]
        staged, known = {}, {}
        for row in rows:
            if not row.deleted:
                staged[row.external_id], known[row.external_id] = as_staged(row, spec, route)
        async with self.db.write() as sql:
            progress[system]["rows"] += await staging.stage(sql, run.id, system, list(staged.values()), known)
            await runs.note(sql, run.id, self.clock(), progress=progress)


BEGINNING: Mapping[str, Any] = {"next": None, "ended": False, "pages": 0, "rows": 0, "calls": 0}


def as_staged(row: Row, spec: ObjectSpec, route: Route) -> tuple[dict[str, Any], list[MatchValue]]:
    """Return a row as it is kept, and what it is known by, as far as it can be read."""
    refused, own = None, dict[str, Value]()
    try:
        own = read_values(route, row.values, spec.default_region)
    except InvalidEvent as exc:
        refused = {"reason": str(exc)}
        own = _readable(row, spec, route)
    known = known_by_own(spec, route.rules, own)
    if row.key:
        known.append((staging.KEY, row.key))
    staged = {
        "external_id": row.external_id, "key": row.key, "at": row.at, "etag": row.etag, "payload": dict(row.values),
        "verdict": "refused" if refused else None, "found": refused, "partner": None, "record": None,
    }  # fmt: skip
    return staged, known


def _readable(row: Row, spec: ObjectSpec, route: Route) -> dict[str, Value]:
    """Return the match fields of a row that is refused: whoever it is, nobody else may be taken for it."""
    own: dict[str, Value] = {}
    for name in matched_by(spec, route):
        rule = route.rules.fields[name]
        try:
            own |= read_values(route, {rule.name: row.values.get(rule.name)}, spec.default_region)
        except InvalidEvent:  # this is what it is refused for
            continue
    return own
