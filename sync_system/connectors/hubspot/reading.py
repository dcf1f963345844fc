"""Rows on their way from HubSpot: read together by id, key or email, found by search, listed, and described."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sync_system.connectors.http import Http, Request
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.protocol import FieldInfo, Lookup, Row, RowPage
from sync_system.errors import SystemRefused

BATCH = 100
# A search's body may have 3,000 characters.
SEARCHED_VALUES = 50
LONGEST_TEXT = 65_536


class Reader:
    """Reads one object's records."""

    def __init__(self, http: Http, object: ObjectType) -> None:
        self._http, self._object = http, object

    async def lookup(self, wanted: Lookup) -> Sequence[Row]:
        """Read the records that are there; emails are found by a batch read, other values by search."""
        object = self._object
        records = await self._batch(wanted.ids, None) + await self._batch(wanted.keys, object.key)
        for name, values in wanted.matches.items():
            by_batch = name == "email" and object.settings.object_type == "contacts"
            records += await (self._batch(values, name) if by_batch else self._search(name, values))
        rows = [object.row(record) for record in records]
        return list({row.external_id: row for row in rows}.values())

    async def _batch(self, values: Sequence[str], id_property: str | None) -> list[Any]:
        distinct = list(dict.fromkeys(values))
        records: list[Any] = []
        for start in range(0, len(distinct), BATCH):
            body: dict[str, Any] = {
                "properties": self._object.properties,
                "inputs": [{"id": value} for value in distinct[start : start + BATCH]],
            }
            if id_property:
                body["idProperty"] = id_property
            records += await self._results("batch/read", body)
        return records

    async def _results(self, action: str, body: Any) -> list[Any]:
        try:
            answer = await self._http.read(Request("POST", self._object.path(action), body))
        except SystemRefused as exc:
            if exc.status == 404:
                return []
            raise
        return list(answer.document.get("results") or ())

    async def _search(self, name: str, values: Sequence[str]) -> list[Any]:
        records: list[Any] = []
        for start in range(0, len(values), SEARCHED_VALUES):
            wanted = {"propertyName": name, "operator": "IN", "values": list(values[start : start + SEARCHED_VALUES])}
            body = {"filterGroups": [{"filters": [wanted]}], "properties": self._object.properties, "limit": 200}
            records += await self._results("search", body)
        return records

    async def rows(self, start: str | None) -> AsyncIterator[RowPage]:
        """Read every record that is not archived, a page at a time."""
        after = start
        while True:
            try:
                page = await self._list(after)
            except SystemRefused:
                if after is None or after != start:
                    raise
                after = start = None  # HubSpot has forgotten the place that an earlier reading stopped at
                continue
            yield page
            after = page.next
            if after is None:
                return

    async def _list(self, after: str | None) -> RowPage:
        params = {"limit": str(BATCH), "properties": ",".join(self._object.properties), "archived": "false"}
        place = params if after is None else {**params, "after": after}
        answer = await self._http.read(Request("GET", self._object.path(), params=place))
        rows = [self._object.row(record) for record in answer.document.get("results") or ()]
        return RowPage(rows, ((answer.document.get("paging") or {}).get("next") or {}).get("after"))

    async def describe(self) -> Sequence[FieldInfo]:
        """Read which properties the object has."""
        answer = await self._http.read(Request("GET", self._object.properties_path))
        return [field_info(entry) for entry in answer.document.get("results") or ()]


def field_info(entry: Any) -> FieldInfo:
    """Read the definition of one property."""
    changed = entry.get("modificationMetadata") or {}
    return FieldInfo(
        name=entry["name"],
        type=entry.get("type") or "",
        max_length=LONGEST_TEXT if entry.get("type") == "string" else None,
        options=[str(option["value"]) for option in entry.get("options") or ()],
        read_only=changed.get("readOnlyValue") is True or entry.get("calculated") is True,
        unique=entry.get("hasUniqueValue") is True,
    )
