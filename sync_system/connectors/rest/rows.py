"""A row as the API gives it, read into ours; and the system's own words for a failure."""

from collections.abc import Mapping
from typing import Any

from sync_system.connectors.http import Answer, Problem, retry_after
from sync_system.connectors.protocol import Row
from sync_system.connectors.rest.paths import as_text, getter, text_at, values_reader
from sync_system.connectors.rest.shapes import Errors, RestObject
from sync_system.connectors.times import read_time
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass


class ObjectShape:
    """One object of the API: how it is written and read, and its own fields with their types."""

    def __init__(
        self, name: str, shape: RestObject, fields: Mapping[str, FieldType], codes: Mapping[str, OutcomeClass]
    ) -> None:
        self.name, self.shape, self.fields, self.codes = name, shape, fields, codes
        row = shape.row
        within = f"{row.values}." if row.values else ""
        self._id, self._etag, self._deleted = getter(row.id), getter(row.etag), getter(row.deleted_at)
        self._key = getter(f"{within}{shape.key_field}" if shape.key_field else None)
        self._updated_at, self._format = getter(row.updated_at), row.updated_at_format
        self._inner, self._own_values = getter(row.values), values_reader(fields)

    def row(self, document: Any) -> Row | None:
        """Read a row; None if it has no id and so is none."""
        external_id = self.id(document)
        if external_id is None:
            return None
        return Row(
            external_id=external_id,
            values=self.values(document),
            key=self.key(document),
            at=self.at(document),
            etag=self.etag(document),
            deleted=bool(self._deleted(document)),
        )

    def id(self, document: Any) -> str | None:
        """Return a row's own id."""
        return as_text(self._id(document))

    def key(self, document: Any) -> str | None:
        """Return our key that a row carries."""
        return as_text(self._key(document))

    def etag(self, document: Any) -> str | None:
        """Return a row's version."""
        return as_text(self._etag(document))

    def at(self, document: Any) -> int | None:
        """Return when a row last changed, in microseconds since 1970."""
        return read_time(self._updated_at(document), self._format)

    def values(self, document: Any) -> dict[str, Any]:
        """Return the own fields that a row holds."""
        return self._own_values(self._inner(document))


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
