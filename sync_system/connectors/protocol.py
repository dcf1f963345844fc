"""What a connector promises: the only words that services and systems have in common.

A connector speaks in its system's own field names. Values are plain JSON scalars in their normal form
(`domain/fields.py`); the connector turns them into what its API wants, and hands back what the API gave.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sync_system.domain.outcomes import OutcomeClass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is fixed for one connector and object.

    `batch`, `lookup_batch`: the most records in one call. `key_field`: the system's own field that carries our key.
    `unique`: own fields on which the system itself refuses a second row. `tells_stored`: replies say what was stored.
    `stamps`: replies say when. `conditional`: writes can be bound to an etag. `lookups`: how rows can be found.
    `polls`: it tells what changed since. `lists`: all its rows can be read.
    `writes`: it takes anything at all; one that only tells does not.
    """

    batch: int
    lookup_batch: int
    key_field: str | None = None
    unique: frozenset[str] = frozenset()
    tells_stored: bool = False
    stamps: bool = False
    conditional: bool = False
    lookups: frozenset[str] = frozenset()  # of "ids", "keys", "matches"
    deletes: bool = False
    polls: bool = False
    lists: bool = False
    writes: bool = True


@dataclass(frozen=True, slots=True)
class Write:
    """One record to bring up to date: by the row's own id if `external_id` is known, else by our `key`.

    `values`: own names to values, None clears. `etag`: only write if the row still has it.
    """

    key: str
    external_id: str | None
    values: Mapping[str, Any]
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write.

    `at`: when the row changed, by the system's clock, in microseconds since 1970. `stored`: own names to what the row
    holds now, as far as the reply tells. `existing_id`: the row that stood in the way of a create.
    """

    outcome: OutcomeClass
    external_id: str | None = None
    at: int | None = None
    etag: str | None = None
    stored: Mapping[str, Any] | None = None
    created: bool | None = None
    code: str = ""
    status: int | None = None
    message: str = ""
    existing_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it went over the wire, for the story of a transaction; excerpts are redacted.

    `positions`: which writes of the batch it carried. Times in microseconds since 1970.
    """

    method: str
    url: str
    status: int | None
    request: str
    response: str
    started_at: int
    ended_at: int
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The outcomes of a batch, one for each write in order, and the calls that it took."""

    outcomes: Sequence[Outcome]
    calls: Sequence[Call] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a system holds it. `key`: our key that it carries, None if it carries none. `at`: last change."""

    external_id: str
    values: Mapping[str, Any]
    key: str | None = None
    at: int | None = None
    etag: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows to read: by their ids, by our keys, or by the values of one own field."""

    ids: Sequence[str] = ()
    keys: Sequence[str] = ()
    matches: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a system says has happened to a row, before it is an event.

    `verb`: created, updated, deleted or merged. `values` None: only that it changed. `exact`: names only what changed.
    `values` holds our key under the key field if the report tells it. `at`: microseconds since 1970. `into`: the row
    that survived a merge. `event_id`: equal for a repetition of the same report, and for nothing else.
    """

    event_id: str
    verb: str
    external_id: str
    at: int | None
    values: Mapping[str, Any] | None = None
    exact: bool = False
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Changes in the order they were read, and the cursor to go on from once they are safe."""

    changes: Sequence[Change]
    cursor: str


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows in the order they were read, and where to go on after them; None behind the last page."""

    rows: Sequence[Row]
    next: str | None


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived: `url` as the sender called it, header names in lower case, `at` in microseconds."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says of the system's limits.

    `wait`: seconds that it wants to be left alone, because it was called too fast. `allowance`, `left`: of its day.
    """

    wait: float | None = None
    allowance: int | None = None
    left: int | None = None


class Gate(Protocol):
    """What every call to a system passes: its limits, for all processes together."""

    async def enter(self) -> None:
        """Wait until the next call may go out; raise SystemUnavailable if that is too long to wait for."""

    async def told(self, told: Told) -> None:
        """Take in what an answer says of the limits."""

    def called(self, call: Call) -> None:
        """Take note of a call that is over."""


class OpenGate:
    """The gate of a system without limits."""

    async def enter(self) -> None:
        """Let every call pass."""

    async def told(self, told: Told) -> None:
        """Nobody needs to know."""

    def called(self, call: Call) -> None:
        """Nobody needs to know."""


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as the system describes it."""

    name: str
    type: str
    max_length: int | None = None
    options: Sequence[str] = ()
    required: bool = False
    read_only: bool = False
    unique: bool = False


class Connector(Protocol):
    """One system, ready to be spoken to.

    Reads raise SystemUnavailable or SystemRefused. `upsert` and `delete` never raise for what the system does: every
    write gets its own outcome.
    """

    def facts(self, object: str) -> Facts:
        """Tell what is fixed for this object."""

    async def upsert(self, object: str, writes: Sequence[Write]) -> Delivered:
        """Write a batch of at most `facts.batch` rows."""

    async def lookup(self, object: str, wanted: Lookup) -> Sequence[Row]:
        """Read the rows that are there (of at most `facts.lookup_batch`), in any order; absent ones are left out."""

    async def delete(self, object: str, external_ids: Sequence[str]) -> Delivered:
        """Delete rows; one that is already gone is ok."""

    def changes(self, object: str, cursor: str | None) -> AsyncIterator[Page]:
        """Read what changed since `cursor`, everything if None; ends when there is nothing more for now."""

    def cursor_behind(self, object: str, at: int) -> str | None:
        """Return a cursor from which on `changes` leaves out what is older than a moment (microseconds); None if there is none."""

    def rows(self, object: str, start: str | None = None) -> AsyncIterator[RowPage]:
        """Read every row, a page at a time, from a place on that an earlier page has named.

        Begins anew if the system has forgotten that place: rows may then come twice.
        """

    async def describe(self, object: str) -> Sequence[FieldInfo]:
        """Read which fields the system has; empty if it cannot tell."""

    def parse_webhook(self, object: str, request: WebhookRequest) -> Sequence[Change]:
        """Check where a webhook comes from and read it; raise WebhookRefused."""

    async def aclose(self) -> None:
        """Close the connections."""
