"""The CRM's own database: contacts with their properties, the account's property definitions, and changes to report."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from sync_system.sandbox.crm.properties import Property, iso, vendor_properties

FIRST_ID = 501
SCHEMA = """
create table if not exists contacts (
    id integer primary key autoincrement,
    properties text not null,
    created_at integer not null,
    updated_at integer not null,
    archived integer not null default 0,
    archived_at integer,
    indexed text,
    email text generated always as (json_extract(properties, '$.email')) virtual,
    sync_external_id text generated always as (json_extract(properties, '$.sync_external_id')) virtual
);
create unique index if not exists contacts_email on contacts (lower(email)) where archived = 0;
create unique index if not exists contacts_key on contacts (sync_external_id) where archived = 0;
create index if not exists contacts_updated on contacts (updated_at, id);
create table if not exists definitions (name text primary key, definition text not null);
create table if not exists changes (id integer primary key autoincrement, due_at real not null, change text not null);
create index if not exists changes_due on changes (due_at);
create table if not exists deliveries (
    id integer primary key autoincrement, due_at real not null, attempt integer not null, events text not null
);
create table if not exists tokens (token text primary key, kind text not null, expires_at real);
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """A row; times in milliseconds since the epoch."""

    id: int
    properties: dict[str, str]
    created_at: int
    updated_at: int
    archived: bool = False
    archived_at: int | None = None

    def value(self, name: str) -> str | None:
        """Return a property as a text, also the ones that the vendor keeps itself."""
        if name == "hs_object_id":
            return str(self.id)
        if name == "createdate":
            return iso(self.created_at)
        if name == "lastmodifieddate":
            return iso(self.updated_at)
        return self.properties.get(name)


class Store:
    """One account's data; used by one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.executescript(SCHEMA)
        if not self._database.execute("select 1 from sqlite_sequence where name = 'contacts'").fetchone():
            self._database.execute("insert into sqlite_sequence values ('contacts', ?)", (FIRST_ID - 1,))
        self.properties = vendor_properties() | self._own_properties()

    def transaction(self) -> AbstractContextManager[None]:
        """Keep all that happens inside, or nothing."""
        return _Transaction(self._database)

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self._database.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row."""
        self._database.executemany(sql, rows)

    def contacts(self, where: str, values: Sequence[Any] = (), *, archived: bool = False) -> list[Contact]:
        """Return the contacts that meet a condition."""
        columns = "id, properties, created_at, updated_at, archived, archived_at"
        rows = self.query(f"select {columns} from contacts where archived = {int(archived)} and {where}", values)  # noqa: S608
        return [Contact(row[0], orjson.loads(row[1]), row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def by_values(self, name: str, values: Sequence[str], *, archived: bool = False) -> dict[str, Contact]:
        """Return the contacts with these ids (`name` is hs_object_id) or values of a unique property."""
        if name == "hs_object_id":
            values = [value for value in values if value.isdecimal()]
        elif name == "email":
            values = [value.strip().lower() for value in values]
        marks = ",".join("?" * len(values))
        found = self.contacts(f"{expression(name)} in ({marks})", values, archived=archived) if values else []
        return {contact.value(name) or "": contact for contact in found}

    def next_ids(self, count: int) -> range:
        """Take ids for new contacts."""
        [(last,)] = self.query("select seq from sqlite_sequence where name = 'contacts'")
        return range(last + 1, last + 1 + count)

    def insert(self, contacts: Sequence[Contact]) -> None:
        """Add contacts with the ids they carry."""
        rows = [
            (each.id, orjson.dumps(each.properties).decode(), each.created_at, each.updated_at) for each in contacts
        ]
        self.many("insert into contacts (id, properties, created_at, updated_at) values (?, ?, ?, ?)", rows)

    def update(self, contacts: Sequence[Contact], horizon: int) -> None:
        """Rewrite contacts; what the search index showed at `horizon` (ms) is kept for its lag."""
        self.many(
            "update contacts set indexed = case when updated_at <= ? then properties else indexed end, "
            "properties = ?, updated_at = ? where id = ?",
            [(horizon, orjson.dumps(each.properties).decode(), each.updated_at, each.id) for each in contacts],
        )

    def archive(self, ids: Sequence[int], at: int) -> None:
        """Take contacts out of sight."""
        self.many("update contacts set archived = 1, archived_at = ? where id = ?", [(at, each) for each in ids])

    def restore(self, ids: Sequence[int], at: int) -> None:
        """Bring contacts back."""
        self.many(
            "update contacts set archived = 0, archived_at = null, updated_at = ? where id = ?",
            [(at, each) for each in ids],
        )

    def define(self, found: Property) -> None:
        """Add or change a definition of the account's own."""
        row = (found.name, orjson.dumps(asdict(found)).decode())
        self.query(
            "insert into definitions values (?, ?) on conflict (name) do update set definition = excluded.definition",
            row,
        )
        if found.unique and found.name != "sync_external_id":
            index = f"create unique index if not exists unique_{found.name} on contacts ({expression(found.name)})"
            self.query(f"{index} where archived = 0")
        self.properties[found.name] = found

    def undefine(self, name: str) -> None:
        """Drop a definition of the account's own."""
        self.query("delete from definitions where name = ?", (name,))
        self.query(f"drop index if exists unique_{name}")
        self.properties.pop(name)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _own_properties(self) -> dict[str, Property]:
        rows = self.query("select name, definition from definitions")
        definitions = {name: orjson.loads(definition) for name, definition in rows}
        return {name: Property(**each | {"options": tuple(each["options"])}) for name, each in definitions.items()}


class _Transaction:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, error: object, at: object) -> None:
        self._database.execute("rollback" if kind else "commit")


def expression(name: str) -> str:
    """Return the SQL for a property's value, as the indexes have it."""
    known = {
        "hs_object_id": "id",
        "createdate": "created_at",
        "lastmodifieddate": "updated_at",
        "email": "lower(email)",
        "sync_external_id": "sync_external_id",
    }
    return known.get(name) or f"json_extract(properties, '$.{name}')"


def now() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
