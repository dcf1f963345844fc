"""Rows on their way from the API: looked up, listed, described, and what changed since the last reading."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sync_system.connectors.cursors import Cursor, digest_of
from sync_system.connectors.http import Http, Request
from sync_system.connectors.protocol import Change, FieldInfo, Lookup, Page, Row, RowPage
from sync_system.connectors.rest.listing import Lister
from sync_system.connectors.rest.paths import found, text_at
from sync_system.connectors.rest.rows import ObjectShape
from sync_system.connectors.rest.shapes import DescribeRoute, LookupRoute
from sync_system.connectors.rest.writing import filled
from sync_system.errors import SystemRefused

SECOND = 1_000_000


class Reader:
    """Reads one object's rows."""

    def __init__(self, http: Http, object: ObjectShape, turns: asyncio.Semaphore) -> None:
        self._http, self._object, self._turns = http, object, turns

    async def lookup(self, wanted: Lookup) -> Sequence[Row]:
        """Read the rows that are there."""
        route = self._object.shape.lookup
        if route is None:
            return await self._one_by_one(wanted)
        rows: dict[str, Row] = {}
        for body in asked(route, wanted):
            answer = await self._http.read(Request(route.method, route.path, body))
            rows |= {row.external_id: row for row in self._rows(found(answer.document, route.rows))}
        return list(rows.values())

    def _rows(self, documents: Any) -> list[Row]:
        return [row for document in documents or () if (row := self._object.row(document))]

    async def _one_by_one(self, wanted: Lookup) -> Sequence[Row]:
        if wanted.keys or wanted.matches:
            raise SystemRefused("the configuration names no way to look rows up by key or value")
        rows = await asyncio.gather(*[self._get(external_id) for external_id in wanted.ids])
        return [row for row in rows if row]

    async def _get(self, external_id: str) -> Row | None:
        route = self._object.shape.get
        try:
            async with self._turns:
                answer = await self._http.read(Request("GET", filled(route.path, id=external_id)))
        except SystemRefused as exc:
            if exc.status in {404, 410}:
                return None
            raise
        return self._object.row(found(answer.document, route.row))

    def _lister(self) -> Lister:
        route = self._object.shape.list
        if route is None:
            raise SystemRefused("the configuration names no way to list rows")
        return Lister(self._http, self._object, route)

    async def rows(self, start: str | None) -> AsyncIterator[RowPage]:
        """Read every row that is not deleted, a page at a time."""
        async for listed in self._lister().pages(None, start):
            yield RowPage([row for row in self._rows(listed.rows) if not row.deleted], listed.next)

    def cursor_behind(self, at: int) -> str | None:
        """Return a cursor that leaves out what is older; None if the list cannot be asked for what is newer."""
        route = self._object.shape.list
        if route is None or route.updated_since is None:
            return None
        return Cursor.behind(at, round(route.overlap * SECOND)).dumps()

    async def changes(self, text: str | None) -> AsyncIterator[Page]:
        """Read what changed since the cursor, a page at a time; what was seen before is left out."""
        cursor = Cursor.loads(text)
        route = self._object.shape.list
        overlap = round(route.overlap * SECOND) if route else 0
        async for listed in self._lister().pages(cursor.since, cursor.page):
            changes, newest = [], None
            for document in listed.rows:
                if (row := self._object.row(document)) is None:
                    continue
                newest = max(newest or 0, row.at or 0) or None
                digest = digest_of(document)
                if cursor.first_sight(digest, row.at):
                    changes.append(self._change(row, digest))
            cursor = cursor.moved(listed.next, newest, overlap)
            yield Page(changes, cursor.dumps())

    def _change(self, row: Row, digest: bytes) -> Change:
        key_field = self._object.shape.key_field
        return Change(
            event_id=f"{row.external_id}:{digest.hex()}",
            verb="deleted" if row.deleted else "updated",
            external_id=row.external_id,
            at=row.at,
            values={**row.values, key_field: row.key} if key_field else row.values,
        )

    async def describe(self) -> Sequence[FieldInfo]:
        """Read which fields the system has."""
        route = self._object.shape.describe
        if route is None:
            return []
        answer = await self._http.read(Request("GET", route.path))
        return [field_info(route, entry) for entry in found(answer.document, route.fields) or ()]


def asked(route: LookupRoute, wanted: Lookup) -> list[Mapping[str, Any]]:
    """Return the bodies that ask for all that is wanted; raise SystemRefused for what cannot be asked."""
    bodies: list[Mapping[str, Any]] = []
    matches = {name: list(values) for name, values in wanted.matches.items() if values}
    for name, value in ((route.ids, list(wanted.ids)), (route.keys, list(wanted.keys)), (route.match, matches)):
        if value and name is None:
            raise SystemRefused("the configuration names no way to look rows up like this")
        if value and name is not None:
            bodies.append({name: value})
    return bodies


def field_info(route: DescribeRoute, entry: Any) -> FieldInfo:
    """Read the description of one field."""
    longest, options = text_at(entry, route.max_length) or "", found(entry, route.options)
    return FieldInfo(
        name=text_at(entry, route.name) or "",
        type=text_at(entry, route.type) or "",
        max_length=int(longest) if longest.isdigit() else None,
        options=[str(option) for option in options] if isinstance(options, list) else (),
        required=found(entry, route.required) is True,
        read_only=found(entry, route.read_only) is True,
        unique=found(entry, route.unique) is True,
    )
