"""A row as the API gives it, read into ours; and the system's own words for a failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_system.connectors.http import Answer, Problem, retry_after
from sync_system.connectors.protocol import Row
from sync_system.connectors.rest.paths import found, text_at, values_at
from sync_system.connectors.rest.shapes import Errors, RestObject
from sync_system.connectors.times import read_time
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One object of the API: how it is written and read, and its own fields with their types."""

    name: str
    shape: RestObject
    fields: Mapping[str, FieldType]
    codes: Mapping[str, OutcomeClass]

    def row(self, document: Any) -> Row | None:
        """Read a row; None if it has no id and so is none."""
        shape = self.shape.row
        external_id = text_at(document, shape.id)
        if external_id is None:
            return None
        return Row(
            external_id=external_id,
            values=self.values(document),
            key=text_at(document, self.key_path),
            at=self.at(document),
            etag=text_at(document, shape.etag),
            deleted=bool(found(document, shape.deleted_at)),
        )

    @property
    def key_path(self) -> str | None:
        """Where a row carries our key."""
        within = self.shape.row.values
        return f"{within}.{self.shape.key_field}" if within and self.shape.key_field else self.shape.key_field

    def values(self, document: Any) -> dict[str, Any]:
        """Return the own fields that a row holds."""
        return values_at(found(document, self.shape.row.values), self.fields)

    def at(self, document: Any) -> int | None:
        """Return when a row last changed, in microseconds since 1970."""
        return read_time(found(document, self.shape.row.updated_at), self.shape.row.updated_at_format)


def problem_at(document: Any, errors: Errors, headers: Mapping[str, str] | None = None) -> Problem:
    """Return what a reply, or one result of a bulk call, says about a failure."""
    message, field = text_at(document, errors.message) or "", text_at(document, errors.field)
    return Problem(
        code=text_at(document, errors.code) or "",
        message=f"{field}: {message}" if field and field not in message else message,
        existing_id=text_at(document, errors.existing_id),
        retry_after=retry_after(headers or {}),
    )


def explained(answer: Answer, errors: Errors) -> Problem:
    """Return what an answer says about its failure."""
    return problem_at(answer.document, errors, answer.headers)
