"""SQLite's driver with one hop to its thread for a statement and its rows, where aiosqlite itself takes four."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite

Statement = Callable[[sqlite3.Cursor], Any]


class WholeCursor:
    """A cursor that reads all rows of a statement with the statement."""

    description: Any = None
    rowcount, lastrowid, arraysize = -1, None, 1

    def __init__(self, connection: "WholeConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        """Nothing has to be made ready."""
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        """Execute a statement and read its rows."""
        return await self._run(lambda cursor: cursor.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> Self:
        """Execute a statement once for each of many rows."""
        return await self._run(lambda cursor: cursor.executemany(statement, parameters))

    async def _run(self, statement: Statement) -> Self:
        self.description, self.rowcount, self.lastrowid, self._rows = await self._connection.run(statement)
        return self

    async def fetchall(self) -> list[Any]:
        """Return the rows."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Forget the rows; the thread has closed its own cursor already."""
        self._rows = []


class WholeConnection(aiosqlite.Connection):
    """A connection that knows whether something may still be under way in its thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._under_way = 0

    def cursor(self) -> Any:
        """Return a cursor; nothing is asked of the thread yet."""
        return WholeCursor(self)

    async def run(self, statement: Statement) -> tuple[Any, int, int | None, list[Any]]:
        """Execute a statement in the thread and return what it tells: description, row count, last id, rows."""
        # Not taken back when it is cancelled: then the thread goes on with the statement, and a rollback must follow.
        self._under_way += 1
        told: tuple[Any, int, int | None, list[Any]] = await self._execute(  # type: ignore[no-untyped-call]
            _run_whole, self._conn, statement
        )
        self._under_way -= 1
        return told

    async def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if self._under_way or self.in_transaction:
            await super().rollback()
            self._under_way = 0


def _run_whole(connection: sqlite3.Connection, statement: Statement) -> tuple[Any, int, int | None, list[Any]]:
    cursor = connection.cursor()
    try:
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()


def connect(*arguments: Any, **options: Any) -> WholeConnection:
    """Return a connection that is opened when it is awaited; arguments as sqlite3 takes them."""
    connection = WholeConnection(partial(sqlite3.connect, *arguments, **options))
    connection._thread.daemon = True  # noqa: SLF001  # as SQLAlchemy does: a connection left open must not hold up the end
    return connection
