"""Rows on their way to the API: in bulk where it can, else one by one and several at a time."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sync_system.connectors.batches import Part, failed, in_halves, joined, waves
from sync_system.connectors.http import Answer, Http, Problem, Request
from sync_system.connectors.protocol import Delivered, Outcome, Write
from sync_system.connectors.rest.paths import found, nested, text_at
from sync_system.connectors.rest.rows import ObjectShape, explained, problem_at
from sync_system.connectors.rest.shapes import Bulk, WriteRoute
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass, classify

UNREADABLE = "the answer is not what the configuration describes"
# What a failed result of a bulk call means if it has neither a known code nor a status.
REFUSED = 422
CREATED = 201


class Writer:
    """Writes one object's rows."""

    def __init__(self, http: Http, object: ObjectShape, turns: asyncio.Semaphore) -> None:
        self._http, self._object, self._turns = http, object, turns

    async def upsert(self, writes: Sequence[Write]) -> Delivered:
        """Write a batch; every write gets its own outcome."""
        bulk = self._object.shape.bulk
        size = bulk.max_size if bulk else len(writes)
        parts: list[Part] = []
        for wave in waves(writes, range(len(writes)), size):
            parts += await (self._in_bulk(bulk, writes, wave) if bulk else self._one_by_one(writes, wave))
        return joined(len(writes), parts)

    async def _in_bulk(self, bulk: Bulk, writes: Sequence[Write], wave: Sequence[int]) -> list[Part]:
        async def send(positions: Sequence[int]) -> Part:
            items = [self._item(bulk, writes[position]) for position in positions]
            body: Any = {bulk.items: items} if bulk.items else items
            request = Request(bulk.method, bulk.path, body, headers=self._headers(None), positions=positions)
            return self._bulk_part(bulk, await self._http.write(request), positions)

        return await in_halves(wave, send)

    def _item(self, bulk: Bulk, write: Write) -> dict[str, Any]:
        item = {bulk.id: write.external_id} if write.external_id is not None else {bulk.key: write.key}
        if bulk.etag and write.etag is not None:
            item[bulk.etag] = write.etag
        values = self._values(write)
        return {**item, bulk.values: values} if bulk.values else {**values, **item}

    def _values(self, write: Write) -> dict[str, Any]:
        shape, values = self._object.shape, dict(write.values)
        if shape.key_field and write.key:
            values[shape.key_field] = write.key
        if shape.decimals == "number":
            values |= self._as_numbers(values)
        return nested(values)

    def _as_numbers(self, values: Mapping[str, Any]) -> dict[str, float]:
        types = self._object.fields
        decimals = [name for name in values if types.get(name) is FieldType.DECIMAL and values[name] is not None]
        return {name: float(values[name]) for name in decimals}

    def _headers(self, etag: str | None) -> dict[str, str]:
        shape = self._object.shape
        headers = {shape.idempotency_header: uuid.uuid4().hex} if shape.idempotency_header else {}
        return headers if etag is None else {**headers, "if-match": etag}

    def _bulk_part(self, bulk: Bulk, answer: Answer, positions: Sequence[int]) -> Part:
        if not answer.ok:
            return failed(positions, self._failure(answer), answer.calls)
        results = found(answer.document, bulk.results)
        if not isinstance(results, list) or len(results) != len(positions):
            unclear = Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message=UNREADABLE)
            return failed(positions, unclear, answer.calls)
        return Part(positions, [self._result(bulk, result) for result in results], answer.calls)

    def _result(self, bulk: Bulk, result: Any) -> Outcome:
        errors = self._object.shape.errors
        problem = problem_at(result, errors)
        if not (found(result, bulk.ok) is True if bulk.ok else not (problem.code or problem.message)):
            return self._refused(problem, text_at(result, errors.status) or "")
        created = found(result, bulk.created)
        outcome = self._written(found(result, bulk.row), result, text_at(result, bulk.result_id))
        return replace(outcome, created=created if isinstance(created, bool) else None)

    def _refused(self, problem: Problem, status: str) -> Outcome:
        number = int(status) if status.isdigit() else None
        kind = classify(number or REFUSED, problem.code, self._object.codes, alone=True)
        return Outcome(kind, code=problem.code, status=number, message=problem.message, existing_id=problem.existing_id)

    def _written(self, stored: Any, beside: Any, external_id: str | None) -> Outcome:
        """Read the stored row, and what the reply says beside it."""
        object = self._object
        row = object.row(stored)
        return Outcome(
            OutcomeClass.OK,
            external_id=external_id or (row.external_id if row else None),
            at=row.at if row and row.at is not None else object.at(beside),
            etag=row.etag if row and row.etag is not None else text_at(beside, object.shape.row.etag),
            stored=object.values(stored) if isinstance(stored, dict) else None,
        )

    def _failure(self, answer: Answer, *, names_row: bool = False) -> Outcome:
        problem = explained(answer, self._object.shape.errors)
        return Outcome(
            answer.outcome(problem.code, self._object.codes, names_row=names_row),
            code=problem.code,
            status=answer.status,
            message=problem.message or answer.problem or f"HTTP {answer.status}",
            existing_id=problem.existing_id,
            retry_after=problem.retry_after,
        )

    async def _one_by_one(self, writes: Sequence[Write], wave: Iterable[int]) -> list[Part]:
        return list(await asyncio.gather(*[self._alone(writes[position], position) for position in wave]))

    async def _alone(self, write: Write, position: int) -> Part:
        shape = self._object.shape
        route = shape.upsert if write.external_id is None else shape.update
        values = self._values(write)
        request = Request(
            route.method,
            filled(route.path, key=write.key, id=write.external_id or ""),
            {route.values: values} if route.values else values,
            headers=self._headers(write.etag if shape.row.etag else None),
            positions=(position,),
        )
        async with self._turns:
            answer = await self._http.write(request)
        return Part((position,), [self._single(route, answer, write)], answer.calls)

    def _single(self, route: WriteRoute, answer: Answer, write: Write) -> Outcome:
        if not answer.ok:
            return self._failure(answer, names_row=write.external_id is not None)
        outcome = self._written(found(answer.document, route.row), answer.document, write.external_id)
        if outcome.external_id is None:
            return Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message=UNREADABLE)
        return replace(outcome, created=answer.status == CREATED, status=answer.status)

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
        outcome = Outcome(OutcomeClass.OK, external_id, status=answer.status) if gone else self._failure(answer)
        return Part((position,), [outcome], answer.calls)


def filled(path: str, **names: str) -> str:
    """Put a key or an id into a path, with every character that could lead elsewhere escaped."""
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="").replace(".", "%2E"))
    return path
