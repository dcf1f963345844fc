"""The message that a lead change travels in: CloudEvents 1.0 in structured JSON.

Its identity is (source, id): the same pair published or delivered twice is taken in once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sync_system.errors import InvalidEvent

CONTENT_TYPE = "application/cloudevents+json"
CANONICAL_SCHEMA = "urn:sync-system:canonical"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Name = Annotated[str, Field(min_length=1, max_length=64)]
RowId = Annotated[str, Field(min_length=1, max_length=255)]


class Envelope(BaseModel):
    """The attributes of a lead event; CloudEvents' own optional ones may stand beside them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: RowId
    source: Name
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.(created|updated|deleted|merged)$", max_length=80)]
    subject: RowId
    time: datetime | None = None
    data: dict[str, Any] | None = None
    dataschema: str | None = None
    synccontent: Literal["row", "changes"] | None = None
    syncinto: RowId | None = None
    traceparent: Any = None  # for traces alone: one that is wrong must not cost the event


ENVELOPE = TypeAdapter(Envelope)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that a system reported. `at`: microseconds by the system's clock, None if it does not say.

    `data`: own names to values, None for "it changed". `changes`: names only what changed; None leaves it to the
    configuration. `canonical`: the names are ours. `into`: the row that survived a merge. `traceparent`: the trace that
    it was made in (W3C), if it says so.
    """

    id: str
    source: str
    object: str
    verb: str
    external_id: str
    at: int | None
    data: dict[str, Any] | None = None
    changes: bool | None = None
    canonical: bool = False
    into: str | None = None
    traceparent: str | None = None

    def encode(self) -> bytes:
        """Return the message's body."""
        body: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": f"{self.object}.{self.verb}",
            "subject": self.external_id,
        }
        if self.at is not None:
            body["time"] = rfc3339(self.at)
        if self.data is not None:
            body |= {"datacontenttype": "application/json", "data": self.data}
        if self.changes is not None:
            body["synccontent"] = "changes" if self.changes else "row"
        if self.canonical:
            body["dataschema"] = CANONICAL_SCHEMA
        if self.into is not None:
            body["syncinto"] = self.into
        if self.traceparent is not None:
            body["traceparent"] = self.traceparent
        return orjson.dumps(body)


def decode(body: bytes) -> Event:
    """Read a message's body; raise InvalidEvent with what is wrong and where."""
    try:
        found = ENVELOPE.validate_json(body)
    except ValidationError as exc:
        raise InvalidEvent(_sentence(exc)) from exc
    object, _, verb = found.type.partition(".")
    return Event(
        id=found.id,
        source=found.source,
        object=object,
        verb=verb,
        external_id=found.subject,
        at=None if found.time is None else micros(found.time),
        data=found.data,
        changes=None if found.synccontent is None else found.synccontent == "changes",
        canonical=found.dataschema == CANONICAL_SCHEMA,
        into=found.syncinto,
        traceparent=found.traceparent if isinstance(found.traceparent, str) else None,
    )


def _sentence(exc: ValidationError) -> str:
    """Say what is wrong without showing any of the data."""
    problems = [f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in exc.errors(include_input=False)]
    kind = "not JSON" if exc.errors()[0]["type"] == "json_invalid" else "no CloudEvents 1.0 lead event"
    return f"{kind}: {'; '.join(problems[:5])}"


def micros(at: datetime) -> int:
    """Return a time in microseconds since 1970; one without an offset is UTC."""
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def rfc3339(at: int) -> str:
    """Return a time in microseconds since 1970 as text."""
    return (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
