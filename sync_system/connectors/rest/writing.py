"""Rows on their way to the API: in bulk where it can, else one by one and several at a time."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sync_system.connectors.batches import Part, failed, in_halves, joined, waves
from sync_system.connectors.http import Http, Request
from sync_system.connectors.protocol import Delivered, Outcome, Write
from sync_system.connectors.rest.paths import nested
from sync_system.connectors.rest.results import UNREADABLE, BulkResults, failure, single
from sync_system.connectors.rest.rows import ObjectShape
from sync_system.connectors.rest.shapes import Bulk
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass


class Writer:
    """Writes one object's rows."""

    def __init__(self, http: Http, object: ObjectShape, turns: asyncio.Semaphore) -> None:
        self._http, self._object, self._turns = http, object, turns
        self._nests = any("." in name for name in object.fields)
        self._decimals = [name for name, type in object.fields.items() if type is FieldType.DECIMAL]

    async def upsert(self, writes: Sequence[Write]) -> Delivered:
        """Write a batch; every write gets its own outcome."""
        bulk = self._object.shape.bulk
        parts: list[Part] = []
        for wave in waves(writes, range(len(writes)), bulk.max_size if bulk else len(writes)):
            parts += await (self._in_bulk(bulk, writes, wave) if bulk else self._one_by_one(writes, wave))
        return joined(len(writes), parts)

    async def _in_bulk(self, bulk: Bulk, writes: Sequence[Write], wave: Sequence[int]) -> list[Part]:
        results = BulkResults(bulk, self._object)

        async def send(positions: Sequence[int]) -> Part:
            items = [self._item(bulk, writes[position]) for position in positions]
            body: Any = {bulk.items: items} if bulk.items else items
            headers = self._headers(None)
            answer = await self._http.write(Request(bulk.method, bulk.path, body, None, headers, positions))
            if not answer.ok:
                return failed(positions, failure(self._object, answer), answer.calls)
            outcomes = results.outcomes(answer, len(positions))
            if outcomes is None:
                unclear = Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message=UNREADABLE)
                return failed(positions, unclear, answer.calls)
            return Part(positions, outcomes, answer.calls)

        return await in_halves(wave, send)

    def _item(self, bulk: Bulk, write: Write) -> Mapping[str, Any]:
        item: dict[str, Any] = {bulk.key: write.key} if write.external_id is None else {bulk.id: write.external_id}
        if bulk.etag and write.etag is not None:
            item[bulk.etag] = write.etag
        values = self._values(write)
        if not bulk.values:
            return {**values, **item}
        item[bulk.values] = values
        return item

    def _values(self, write: Write) -> Mapping[str, Any]:
        shape, values = self._object.shape, dict(write.values)
        if shape.key_field and write.key:
            values[shape.key_field] = write.key
        if shape.decimals == "number":
            values |= {name: float(values[name]) for name in self._decimals if values.get(name) is not None}
        return nested(values) if self._nests else values

    def _headers(self, etag: str | None) -> dict[str, str]:
        shape = self._object.shape
        headers = {shape.idempotency_header: uuid.uuid4().hex} if shape.idempotency_header else {}
        return headers if etag is None else {**headers, "if-match": etag}

    async def _one_by_one(self, writes: Sequence[Write], wave: Iterable[int]) -> list[Part]:
        return list(await asyncio.gather(*[self._alone(writes[position], position) for position in wave]))

    async def _alone(self, write: Write, position: int) -> Part:
        shape, values = self._object.shape, self._values(write)
        route = shape.upsert if write.external_id is None else shape.update
        request = Request(
            route.method,
            filled(route.path, key=write.key, id=write.external_id or ""),
            {route.values: values} if route.values else values,
            headers=self._headers(write.etag if shape.row.etag else None),
            positions=(position,),
        )
        async with self._turns:
            answer = await self._http.write(request)
        return Part((position,), [single(self._object, route, answer, write.external_id)], answer.calls)

    async def delete(self, external_ids: Sequence[str]) -> Delivered:
        """Delete rows one by one, several at a time."""
        parts = [self._deleted(external_id, position) for position, external_id in enumerate(external_ids)]
        return joined(len(external_ids), await asyncio.gather(*parts))

    async def _deleted(self, external_id: str, position: int) -> Part:
        route = self._object.shape.delete
        if route is None:
            refused = Outcome(OutcomeClass.REJECTED, message="the configuration names no way to delete")
            return Part((position,), [refused])
        request = Request(route.method, filled(route.path, id=external_id), positions=(position,))
        async with self._turns:
            answer = await self._http.write(request)
        gone = answer.ok or answer.status in {404, 410}
        outcome = Outcome(OutcomeClass.OK, external_id, status=answer.status) if gone else failure(self._object, answer)
        return Part((position,), [outcome], answer.calls)


def filled(path: str, **names: str) -> str:
    """Put a key or an id into a path, with every character that could lead elsewhere escaped."""
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="").replace(".", "%2E"))
    return path
