"""The connection to the database: one way to read, one way to write, and what the two dialects differ in."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    SmallInteger,
    Table,
    any_,
    bindparam,
    event,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import ARRAY, BigInteger, Text

from sync_system.errors import LedgerUnavailable
from sync_system.ledger.sqlite import connect as connect_sqlite

SQLITE_BUSY_SECONDS = 30
# In one INSERT: SQLite takes 32,766 values in a statement, and no table has as many as 30 columns.
MOST_ROWS = 1_000
# A plan made while the tables are empty is kept, and reads them whole for ever after: 500 µs a lead for one look-up
# where the index takes 5. Every statement here has an index; compiling such short ones costs more than it saves.
POSTGRESQL_SETTINGS = {"enable_seqscan": "off", "jit": "off"}


class Sql:
    """One SQL transaction: statements, and the few words that the two dialects differ in."""

    __slots__ = ("connection", "execute", "sqlite")

    def __init__(self, connection: AsyncConnection, *, sqlite: bool) -> None:
        self.connection, self.sqlite = connection, sqlite
        self.execute = connection.execute

    async def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows, all with the columns of the first, by the driver itself.

        SQLAlchemy's own way costs about as much again as the database's work: it is meant for fewer rows.
        """
        for start in range(0, len(rows), MOST_ROWS):
            await self._add(table, rows[start : start + MOST_ROWS])

    async def _add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        names = tuple(rows[0])
        documents = _documents(table, names)
        columns = [
            [None if (value := row[name]) is None else _dumps(value) for row in rows]
            if name in documents
            else [row[name] for row in rows]
            for name in names
        ]
        # One execution for all rows. In PostgreSQL a row each takes nearly twice as long; in SQLite, the driver's thread
        # and the loop would hand the interpreter back and forth for every row.
        if self.sqlite:
            marks = tuple(chain.from_iterable(zip(*columns, strict=True)))
            await self.connection.exec_driver_sql(_insertion_of_rows(table, names, len(rows)), marks)
        else:
            await self.connection.exec_driver_sql(_insertion_of_columns(table, names), tuple(columns))

    def insert(self, table: Table) -> Any:
        """Return an INSERT that knows ON CONFLICT."""
        return sqlite.insert(table) if self.sqlite else postgresql.insert(table)

    def among(self, column: Column[Any] | ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Whether a column's value is one of many, as one parameter so that the statement's text stays the same."""
        if self.sqlite:
            listed = func.json_each(bindparam(None, orjson.dumps(list(values)).decode(), Text))
            return column.in_(select(literal_column("value")).select_from(listed))
        inner = BigInteger() if isinstance(column.type, BigInteger) else Text()
        return column == any_(bindparam(None, list(values), ARRAY(inner)))


@lru_cache
def _documents(table: Table, names: tuple[str, ...]) -> frozenset[str]:
    """Return which of these columns are JSON."""
    return frozenset(name for name in names if isinstance(table.c[name].type, JSON))


@lru_cache
def _insertion_of_rows(table: Table, names: tuple[str, ...], count: int) -> str:
    """Return an INSERT in SQLite's own words, with a mark for each value of each row."""
    row = f"({', '.join('?' for _ in names)})"
    return f'INSERT INTO "{table.name}" ({_listed(names)}) VALUES {", ".join([row] * count)}'  # noqa: S608  # names come from our own tables


@lru_cache
def _insertion_of_columns(table: Table, names: tuple[str, ...]) -> str:
    """Return an INSERT in PostgreSQL's own words, with a mark for each column's values."""
    documents = _documents(table, names)
    chosen = ", ".join(f'"{name}"::json' if name in documents else f'"{name}"' for name in names)
    arrays = ", ".join(f"${n}::{_array(table.c[name])}" for n, name in enumerate(names, 1))
    listed = _listed(names)
    return f'INSERT INTO "{table.name}" ({listed}) SELECT {chosen} FROM unnest({arrays}) AS new ({listed})'  # noqa: S608


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _array(column: Column[Any]) -> str:
    kinds: tuple[tuple[type[Any], str], ...] = (
        (BigInteger, "bigint"), (SmallInteger, "smallint"), (Integer, "integer"), (Boolean, "boolean"),
    )  # fmt: skip
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "text") + "[]"


class Database:
    """A database that the ledger lives in; `url` as SQLAlchemy writes it, with an async driver."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._engine(connections)
        self._reading = self.engine.execution_options(reading=True)
        # SQLite has one writer; waiting for it in line here is fairer and cheaper than its own polling.
        self._writer = asyncio.Lock() if self.sqlite else None

    def _engine(self, connections: int) -> AsyncEngine:
        codec: dict[str, Any] = {"json_serializer": _dumps, "json_deserializer": orjson.loads, "hide_parameters": True}
        if not self.sqlite:
            settings = {"server_settings": POSTGRESQL_SETTINGS}
            return create_async_engine(
                self.url, pool_size=connections, max_overflow=connections, connect_args=settings, **codec
            )
        options = {"timeout": SQLITE_BUSY_SECONDS, "async_creator_fn": connect_sqlite}
        engine = create_async_engine(self.url, connect_args=options, **codec)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        event.listen(engine.sync_engine, "handle_error", _keep_cancelled)
        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Sql]:
        """One SQL transaction that changes rows, committed at the end; raise LedgerUnavailable."""
        if self._writer is None:
            async with _mapped(), self.engine.begin() as connection:
                yield Sql(connection, sqlite=self.sqlite)
            return
        async with self._writer, _mapped(), self.engine.begin() as connection:
            yield Sql(connection, sqlite=self.sqlite)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Sql]:
        """One SQL transaction that only reads; raise LedgerUnavailable."""
        async with _mapped(), self._reading.connect() as connection:
            yield Sql(connection, sqlite=self.sqlite)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions begin DEFERRED and lose updates; None leaves BEGIN to us.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _keep_cancelled(context: ExceptionContext) -> None:
    # SQLAlchemy closes a connection whose statement was cancelled, and SQLite keeps the write lock of a closed one until
    # its cursors are collected: 30 s in which nobody writes. The thread behind it is in order, so it is rolled back.
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, OSError) as exc:
        raise LedgerUnavailable(f"the database does not answer: {_sentence(exc)}") from exc
    except DBAPIError as exc:
        # Without a statement it was refused while connecting: starting up, shutting down, no such database or user.
        if exc.connection_invalidated or exc.statement is None:
            raise LedgerUnavailable(f"the connection to the database broke: {_sentence(exc)}") from exc
        raise


def _sentence(exc: BaseException) -> str:
    return str(getattr(exc, "orig", None) or exc).splitlines()[0]
