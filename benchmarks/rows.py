"""The batcher's table on either database, by the bare driver: one insert and one update a batch, durable like ours."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import asyncpg  # type: ignore[import-untyped]

TABLE = (
    "CREATE TABLE leads (event text PRIMARY KEY, subject text NOT NULL, payload text NOT NULL,"
    " state text NOT NULL, crm_id text)"
)
Row = tuple[str, str, str]  # event id, subject, payload


class Rows(Protocol):
    """What the batcher needs of a database."""

    async def insert(self, rows: Sequence[Row]) -> None:
        """Store the events of a batch; one that came before stays as it is."""

    async def update(self, ids: Sequence[tuple[str, str]]) -> None:
        """Note what was sent: pairs of CRM id and event id."""

    async def aclose(self) -> None:
        """Close the connections."""


class SqliteRows:
    """A connection in a thread of its own, set up like the service's."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "cache_size = -65536"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def insert(self, rows: Sequence[Row]) -> None:
        await self._many("INSERT INTO leads VALUES (?, ?, ?, 'new', NULL) ON CONFLICT DO NOTHING", rows)

    async def update(self, ids: Sequence[tuple[str, str]]) -> None:
        await self._many("UPDATE leads SET state = 'sent', crm_id = ? WHERE event = ?", ids)

    async def _many(self, statement: str, rows: Sequence[Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, statement, rows)

    def _write(self, statement: str, rows: Sequence[Any]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")

    async def aclose(self) -> None:
        self._thread.shutdown()
        self._connection.close()


class PostgresRows:
    """A connection for each batch in flight."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def insert(self, rows: Sequence[Row]) -> None:
        await self._pool.execute(
            "INSERT INTO leads SELECT e, s, p, 'new' FROM unnest($1::text[], $2::text[], $3::text[]) u(e, s, p)"
            " ON CONFLICT DO NOTHING",
            *columns(rows),
        )

    async def update(self, ids: Sequence[tuple[str, str]]) -> None:
        await self._pool.execute(
            "UPDATE leads SET state = 'sent', crm_id = u.i FROM unnest($1::text[], $2::text[]) u(i, e) WHERE event = e",
            *columns(ids),
        )

    async def aclose(self) -> None:
        await self._pool.close()


def columns(rows: Sequence[Any]) -> list[list[Any]]:
    """Turn rows into columns."""
    return [list(column) for column in zip(*rows, strict=True)]


async def open_rows(url: str, connections: int) -> Rows:
    """Open the database that SQLAlchemy calls by this address."""
    if url.startswith("sqlite"):
        return SqliteRows(url.partition(":///")[2])
    dsn = url.replace("+asyncpg", "")
    return PostgresRows(await asyncpg.create_pool(dsn, min_size=connections, max_size=connections))


async def create_table(url: str) -> None:
    """Make the table, in a database that is new."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.partition(":///")[2]) as connection:
            connection.execute(TABLE)
        return
    server = await asyncpg.connect(url.replace("+asyncpg", ""))
    await server.execute(TABLE)
    await server.close()
