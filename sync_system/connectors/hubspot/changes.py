"""What changed, found by search: page by page at the last row's time, never by offset.

An offset ends at 10,000 results, and rows that change while they are read would move past it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sync_system.connectors.cursors import Cursor, digest_of
from sync_system.connectors.http import Http, Request
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.protocol import Change, Page
from sync_system.connectors.times import read_time

LIMIT = 200
MILLISECOND = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: at a time, in milliseconds; and among the rows of just that time, after an id."""

    at: int | None = None
    after_id: int | None = None

    @classmethod
    def read(cls, text: str) -> "Place":
        """Read a place from a cursor."""
        at, _, after_id = text.partition("/")
        return cls(int(at), int(after_id) if after_id else None)

    def __str__(self) -> str:
        return f"{self.at}" if self.after_id is None else f"{self.at}/{self.after_id}"

    def body(self, modified: str, properties: list[str]) -> dict[str, Any]:
        """Return the search for the next page from here."""
        filters: list[dict[str, Any]] = []
        if self.after_id is not None:
            filters.append({"propertyName": modified, "operator": "EQ", "value": str(self.at)})
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(self.after_id)})
        elif self.at is not None:
            filters.append({"propertyName": modified, "operator": "GTE", "value": str(self.at)})
        order = modified if self.after_id is None else "hs_object_id"
        return {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
            "properties": properties,
            "limit": LIMIT,
        }

    def next(self, last_at: int | None, last_id: int | None, *, full: bool) -> "Place | None":
        """Return where to go on after a page whose last row has this time and id; None at the end."""
        if self.after_id is not None:
            return Place(self.at, last_id) if full else Place((self.at or 0) + 1)
        if not full or last_at is None:
            return None
        # A page full of one time: those rows are passed by their ids, then the search goes on behind that time.
        return Place(last_at, 0) if last_at == self.at else Place(last_at)


class Poller:
    """Searches for the changes of one object."""

    def __init__(self, http: Http, object: ObjectType, overlap: float) -> None:
        self._http, self._object, self._overlap = http, object, round(overlap * 1_000_000)

    def cursor_behind(self, at: int) -> str:
        """Return a cursor that leaves out what is older."""
        return Cursor.behind(at, self._overlap).dumps()

    async def changes(self, text: str | None) -> AsyncIterator[Page]:
        """Read what changed since the cursor, a page at a time; what was seen before is left out."""
        cursor = Cursor.loads(text)
        since = None if cursor.since is None else cursor.since // MILLISECOND
        place: Place | None = Place.read(cursor.page) if cursor.page else Place(since)
        while place is not None:
            records = await self._page(place)
            changes = [change for record in records if (change := self._change(record, cursor))]
            times = [at for record in records if (at := self._at(record)) is not None]
            last_id = int(records[-1]["id"]) if records else None
            place = place.next(times[-1] // MILLISECOND if times else None, last_id, full=len(records) >= LIMIT)
            cursor = cursor.moved(None if place is None else str(place), max(times, default=None), self._overlap)
            yield Page(changes, cursor.dumps())

    async def _page(self, place: Place) -> list[Any]:
        body = place.body(self._object.modified, self._object.properties)
        answer = await self._http.read(Request("POST", self._object.path("search"), body))
        return list(answer.document.get("results") or ())

    def _at(self, record: Any) -> int | None:
        at = read_time((record.get("properties") or {}).get(self._object.modified))
        return at if at is not None else read_time(record.get("updatedAt"))

    def _change(self, record: Any, cursor: Cursor) -> Change | None:
        digest, row = digest_of(record), self._object.row(record)
        if not cursor.first_sight(digest, row.at):
            return None
        return Change(
            event_id=f"{row.external_id}:{digest.hex()}",
            verb="created" if record.get("createdAt") == record.get("updatedAt") else "updated",
            external_id=row.external_id,
            at=row.at,
            values={**row.values, self._object.key: row.key},
        )
