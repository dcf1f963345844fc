"""The application's own database: its leads, the outbox of what it has to tell, and replies it may have to repeat."""

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from sync_system.sandbox.application.fields import FIELDS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SQL_TYPES = {"integer": "integer", "boolean": "integer"}
COLUMNS = ", ".join(f'"{field.name}" {SQL_TYPES.get(field.type, "text")}' for field in FIELDS.values())
NAMES = tuple(FIELDS)
BOOLEANS = tuple(name for name, field in FIELDS.items() if field.type == "boolean")
OWN = ("id", "revision", "created_at", "updated_at", "deleted_at")
SELECT = f"select {', '.join(OWN)}, {', '.join(NAMES)} from leads"  # noqa: S608  # names of this module
SCHEMA = f"""
create table if not exists leads (
    id integer primary key autoincrement, {COLUMNS},
    revision integer not null, created_at integer not null, updated_at integer not null, deleted_at integer
);
create unique index if not exists leads_key on leads (key) where deleted_at is null;
create index if not exists leads_email on leads (lower(trim(email)));
create index if not exists leads_phone on leads (phone);
create index if not exists leads_updated on leads (updated_at, id);
create table if not exists outbox (
    number integer primary key autoincrement, event_id text not null, verb text not null, lead integer not null,
    data text, at integer not null
);
create table if not exists replies (key text primary key, question text not null, status integer, body text, at integer);
"""


@dataclass(slots=True)
class Lead:
    """A row; times in microseconds since the epoch."""

    id: int
    values: dict[str, Any]
    revision: int
    created_at: int
    updated_at: int
    deleted_at: int | None = None

    @property
    def etag(self) -> str:
        """The row's version, as `If-Match` wants it."""
        return f'"{self.id}-{self.revision}"'

    def shown(self) -> dict[str, Any]:
        """Return the row as the endpoints give it."""
        return {
            "id": str(self.id),
            **self.values,
            "etag": self.etag,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "deleted_at": iso(self.deleted_at) if self.deleted_at is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the outbox."""

    number: int
    event_id: str
    verb: str
    lead: int
    data: dict[str, Any] | None
    at: int


class Store:
    """The database, over one connection of one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that happens inside, or nothing."""
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self._database.execute(sql, values).fetchall()

    def leads(self, where: str, values: Sequence[Any] = ()) -> list[Lead]:
        """Return the leads that meet a condition, deleted ones as well."""
        return [_lead(row) for row in self.query(f"{SELECT} where {where}", values)]

    def living(self, column: str, wanted: Sequence[Any]) -> list[Lead]:
        """Return the leads, deleted ones not, with one of these values in a column; emails however they are typed."""
        marks, found = ",".join("?" * len(wanted)), "lower(trim(email))" if column == "email" else f'"{column}"'
        return self.leads(f"deleted_at is null and {found} in ({marks}) order by id", wanted) if wanted else []

    def moment(self) -> int:
        """Return the time of a write: later than every write before."""
        [(latest,)] = self.query("select coalesce(max(updated_at), 0) from leads")
        return max(time.time_ns() // 1000, int(latest) + 1)

    def next_id(self) -> int:
        """Return the id that the next new lead gets."""
        rows = self.query("select seq from sqlite_sequence where name = 'leads'")
        return int(rows[0][0]) + 1 if rows else 1

    def save(self, leads: Sequence[Lead]) -> None:
        """Add or rewrite rows."""
        columns = (*OWN, *NAMES)
        fresh = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "id")
        self._database.executemany(
            f"insert into leads ({', '.join(columns)}) values ({','.join('?' * len(columns))}) "  # noqa: S608
            f"on conflict (id) do update set {fresh}",
            [_row(lead) for lead in leads],
        )

    def note(self, entries: Sequence[tuple[str, int, dict[str, Any] | None, int]]) -> None:
        """Put changes into the outbox: verb, lead, data, time; call it inside the write's transaction."""
        self._database.executemany(
            "insert into outbox (event_id, verb, lead, data, at) values (?, ?, ?, ?, ?)",
            [
                (str(uuid.uuid4()), verb, lead, None if data is None else orjson.dumps(data).decode(), at)
                for verb, lead, data, at in entries
            ],
        )

    def noted(self, most: int) -> list[Note]:
        """Return the oldest entries of the outbox."""
        rows = self.query("select number, event_id, verb, lead, data, at from outbox order by number limit ?", (most,))
        return [
            Note(number, event_id, verb, lead, None if data is None else orjson.loads(data), at)
            for number, event_id, verb, lead, data, at in rows
        ]

    def told(self, number: int) -> None:
        """Remove the entries of the outbox up to this number."""
        self.query("delete from outbox where number <= ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def iso(at: int) -> str:
    """Write microseconds since the epoch in ISO 8601."""
    return moment_of(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment_of(at: int) -> datetime:
    """Return microseconds since the epoch as a moment."""
    return EPOCH + timedelta(microseconds=at)


def microseconds(text: str) -> int:
    """Read ISO 8601 as microseconds since the epoch; ValueError if it is not."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)


def _lead(row: tuple[Any, ...]) -> Lead:
    values = dict(zip(NAMES, row[len(OWN) :], strict=True))
    for name in BOOLEANS:
        values[name] = None if values[name] is None else bool(values[name])
    return Lead(row[0], values, *row[1 : len(OWN)])


def _row(lead: Lead) -> tuple[Any, ...]:
    own = (lead.id, lead.revision, lead.created_at, lead.updated_at, lead.deleted_at)
    return (*own, *(lead.values.get(name) for name in NAMES))
