"""What the API answers to a write, made into outcomes."""

from typing import Any

from sync_system.connectors.http import Answer, Problem
from sync_system.connectors.protocol import Outcome
from sync_system.connectors.rest.paths import as_text, getter, text_at
from sync_system.connectors.rest.rows import ObjectShape, explained, problem_at
from sync_system.connectors.rest.shapes import Bulk, WriteRoute
from sync_system.domain.outcomes import OutcomeClass, classify

UNREADABLE = "the answer is not what the configuration describes"
# What a failed result of a bulk call means if it has neither a known code nor a status.
REFUSED = 422
CREATED = 201


class BulkResults:
    """Reads the results of bulk calls."""

    def __init__(self, bulk: Bulk, object: ObjectShape) -> None:
        self._object, self._results = object, getter(bulk.results)
        self._ok = getter(bulk.ok) if bulk.ok else self._holds_no_error
        self._id, self._row, self._created = getter(bulk.result_id), getter(bulk.row), getter(bulk.created)

    def _holds_no_error(self, result: Any) -> bool:
        problem = problem_at(result, self._object.shape.errors)
        return not (problem.code or problem.message)

    def outcomes(self, answer: Answer, count: int) -> list[Outcome] | None:
        """Return an outcome for each of `count` items, None if there are not as many results."""
        results = self._results(answer.document)
        if not isinstance(results, list) or len(results) != count:
            return None
        return [self._outcome(result) for result in results]

    def _outcome(self, result: Any) -> Outcome:
        if self._ok(result) is not True:
            return self._refused(result)
        object, row, created = self._object, self._row(result), self._created(result)
        at, etag = object.at(row), object.etag(row)
        return Outcome(
            OutcomeClass.OK,
            external_id=as_text(self._id(result)) or object.id(row),
            at=object.at(result) if at is None else at,
            etag=object.etag(result) if etag is None else etag,
            stored=object.values(row) if isinstance(row, dict) else None,
            created=created if isinstance(created, bool) else None,
        )

    def _refused(self, result: Any) -> Outcome:
        object = self._object
        problem, status = problem_at(result, object.shape.errors), text_at(result, object.shape.errors.status) or ""
        number = int(status) if status.isdigit() else None
        kind = classify(number or REFUSED, problem.code, object.codes, alone=True)
        return Outcome(kind, code=problem.code, status=number, message=problem.message, existing_id=problem.existing_id)


def single(object: ObjectShape, route: WriteRoute, answer: Answer, external_id: str | None) -> Outcome:
    """Return the outcome of a call that wrote one row, whose id was known or None."""
    if not answer.ok:
        return failure(object, answer, names_row=external_id is not None)
    row = getter(route.row)(answer.document)
    stored_id = external_id or object.id(row) or object.id(answer.document)
    if stored_id is None:
        return Outcome(OutcomeClass.UNCERTAIN, status=answer.status, message=UNREADABLE)
    return Outcome(
        OutcomeClass.OK,
        external_id=stored_id,
        at=object.at(row),
        etag=object.etag(row),
        stored=object.values(row) if isinstance(row, dict) else None,
        created=answer.status == CREATED,
        status=answer.status,
    )


def failure(object: ObjectShape, answer: Answer, *, names_row: bool = False) -> Outcome:
    """Return what a failed call means for every row that it carried."""
    problem: Problem = explained(answer, object.shape.errors)
    return Outcome(
        answer.outcome(problem.code, object.codes, names_row=names_row),
        code=problem.code,
        status=answer.status,
        message=problem.message or answer.problem or f"HTTP {answer.status}",
        existing_id=problem.existing_id,
        retry_after=problem.retry_after,
    )
