"""Rows on their way to HubSpot: new ones upserted by our key, linked ones updated by their id, a hundred in a call.

Every input carries a trace id: without it one bad row would fail the whole call, and results come in any order.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sync_system.connectors.batches import Part, failed, in_halves, joined, waves
from sync_system.connectors.http import Answer, Http, Request
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.hubspot.problems import CODES, NO_KEY_PROPERTY, explained, outcome_class, problem_in
from sync_system.connectors.hubspot.values import encoded
from sync_system.connectors.protocol import Delivered, Outcome, Write
from sync_system.connectors.times import read_time
from sync_system.domain.outcomes import OutcomeClass, classify

BATCH = 100
# What is said of one record in a batch; any other category is an unknown failure, and so may be tried again.
STATUSES = {"VALIDATION_ERROR": 400, "OBJECT_NOT_FOUND": 404, "NOT_FOUND": 404, "CONFLICT": 409, "RECORD_LOCKED": 423}
UNNAMED = "the answer has neither a result nor an error for this record"


class Writer:
    """Writes one object's records."""

    def __init__(self, http: Http, object: ObjectType) -> None:
        self._http, self._object = http, object

    async def upsert(self, writes: Sequence[Write]) -> Delivered:
        """Write a batch: one call for the new rows and one for the linked ones, at the same time."""
        new = [position for position, write in enumerate(writes) if write.external_id is None]
        linked = [position for position, write in enumerate(writes) if write.external_id is not None]
        sent = await asyncio.gather(self._sent(writes, new), self._sent(writes, linked))
        return joined(len(writes), [part for parts in sent for part in parts])

    async def _sent(self, writes: Sequence[Write], positions: Sequence[int]) -> list[Part]:
        async def send(some: Sequence[int]) -> Part:
            inputs = [self._input(writes[position], position) for position in some]
            action = "batch/upsert" if writes[some[0]].external_id is None else "batch/update"
            request = Request("POST", self._object.path(action), {"inputs": inputs}, positions=some)
            answer = await self._http.write(request)
            return self._part(answer, some, inputs)

        parts: list[Part] = []
        for wave in waves(writes, positions, BATCH):
            parts += await in_halves(wave, send)
        return parts

    def _input(self, write: Write, position: int) -> dict[str, Any]:
        properties = {name: value if isinstance(value, str) else encoded(value) for name, value in write.values.items()}
        if write.key:
            properties[self._object.key] = write.key
        traced = {"objectWriteTraceId": str(position), "properties": properties}
        if write.external_id is not None:
            return {"id": write.external_id, **traced}
        return {"id": write.key, "idProperty": self._object.key, **traced}

    def _part(self, answer: Answer, positions: Sequence[int], inputs: Sequence[Mapping[str, Any]]) -> Part:
        if not answer.ok or not isinstance(answer.document, dict):
            return failed(positions, whole_failure(answer), answer.calls)
        by_input = dict(zip((str(entry["id"]).lower() for entry in inputs), positions, strict=True))
        outcomes: dict[int, Outcome] = {}
        for error in answer.document.get("errors") or ():
            refused = self._refused(error, answer.status)
            outcomes |= dict.fromkeys(_named(error, by_input), refused)
        for record in answer.document.get("results") or ():
            if (position := self._position(record, by_input)) is not None:
                outcomes[position] = self._written(record, answer.status)
        unclear = Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message=UNNAMED)
        return Part(positions, [outcomes.get(position, unclear) for position in positions], answer.calls)

    def _position(self, record: Mapping[str, Any], by_input: Mapping[str, int]) -> int | None:
        trace = str(record.get("objectWriteTraceId") or "")
        if trace.isdigit():
            return int(trace)
        key = (record.get("properties") or {}).get(self._object.key)
        by_key = by_input.get(str(key).lower()) if key else None
        return by_key if by_key is not None else by_input.get(str(record.get("id")))

    def _written(self, record: Mapping[str, Any], status: int | None) -> Outcome:
        created = record.get("new")
        return Outcome(
            OutcomeClass.OK,
            external_id=str(record["id"]),
            at=read_time(record.get("updatedAt")),
            stored=self._object.values(record.get("properties") or {}),
            created=created if isinstance(created, bool) else False,
            status=status,
        )

    def _refused(self, error: Mapping[str, Any], status: int | None) -> Outcome:
        problem = problem_in(error)
        code = problem.code
        if code == "PROPERTY_DOESNT_EXIST" and f'"{self._object.key}"' in problem.message:
            code = NO_KEY_PROPERTY
        kind = classify(_status(error), code, CODES, alone=True)
        return Outcome(kind, code=code, status=status, message=problem.message, existing_id=problem.existing_id)

    async def delete(self, external_ids: Sequence[str]) -> Delivered:
        """Archive records; one that is already archived is ok."""

        async def send(positions: Sequence[int]) -> Part:
            inputs = [{"id": external_ids[position]} for position in positions]
            request = Request("POST", self._object.path("batch/archive"), {"inputs": inputs}, positions=positions)
            answer = await self._http.write(request)
            if not answer.ok:
                return failed(positions, whole_failure(answer), answer.calls)
            gone = [Outcome(OutcomeClass.OK, external_ids[position], status=answer.status) for position in positions]
            return Part(positions, gone, answer.calls)

        parts: list[Part] = []
        for start in range(0, len(external_ids), BATCH):
            parts += await in_halves(range(start, min(start + BATCH, len(external_ids))), send)
        return joined(len(external_ids), parts)


def whole_failure(answer: Answer) -> Outcome:
    """Return what became of every record of a call that failed as one."""
    if answer.ok:
        return Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message="the answer cannot be read")
    problem = explained(answer)
    return Outcome(
        outcome_class(answer, problem.code),
        code=problem.code,
        status=answer.status,
        message=problem.message or answer.problem or f"HTTP {answer.status}",
        existing_id=problem.existing_id,
        retry_after=problem.retry_after,
    )


def _named(error: Mapping[str, Any], by_input: Mapping[str, int]) -> list[int]:
    """Return the positions that an error of a batch is about: by trace id, else by the ids that it names."""
    context = error.get("context") or {}
    traces = [int(trace) for trace in context.get("objectWriteTraceId") or () if str(trace).isdigit()]
    names = [str(id).lower() for id in context.get("ids") or context.get("id") or ()]
    return traces or [by_input[name] for name in names if name in by_input]


def _status(error: Mapping[str, Any]) -> int:
    """Return the HTTP status that an error of a batch would have had alone; the batch tells only its category."""
    return STATUSES.get(str(error.get("category") or ""), 500)
