"""What every run gets anew: empty queues, an empty database, a stub that has seen nobody."""

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg  # type: ignore[import-untyped]
import httpx
from aio_pika.exceptions import AMQPError

from benchmarks.leads import SIDES
from benchmarks.processes import Child
from sync_system.messaging.broker import connect
from sync_system.messaging.topology import topology
from sync_system.sandbox.processes import free_ports

TOPOLOGY = topology(side.name for side in SIDES)


@dataclass(slots=True)
class Ground:
    """The servers of all runs; `postgres` is None where only SQLite is measured. `folder`: for all files."""

    folder: Path
    broker: str
    postgres: str | None
    latency_seconds: float
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def path(self, name: str) -> Path:
        """Return a file name that nobody has had."""
        return self.folder / f"{next(self._numbers)}-{name}"

    @contextlib.asynccontextmanager
    async def database(self, kind: str) -> AsyncIterator[str]:
        """Give an empty database, as SQLAlchemy writes it, and drop it afterwards."""
        name = f"bench_{next(self._numbers)}"
        if kind == "sqlite":
            path = self.folder / f"{name}.db"
            yield f"sqlite+aiosqlite:///{path}"
            for file in self.folder.glob(f"{name}.db*"):
                file.unlink()
            return
        assert self.postgres is not None
        await execute(self.postgres, f"CREATE DATABASE {name}")
        yield self.postgres.replace("postgresql://", "postgresql+asyncpg://").rpartition("/")[0] + f"/{name}"
        await execute(self.postgres, f"DROP DATABASE {name} WITH (FORCE)")
        await execute(self.postgres, "CHECKPOINT")

    @contextlib.asynccontextmanager
    async def stub(self) -> AsyncIterator[str]:
        """Give both systems, in one process."""
        port = free_ports(1)[0]
        child = await Child.start("stub", [str(port), str(self.latency_seconds)], self.path("stub.log"))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            child.kill()
            await child.process.wait()

    async def empty_queues(self) -> None:
        """Declare every queue anew."""
        connection = await aio_pika.connect(self.broker)
        for queue in TOPOLOGY.queues:
            channel = await connection.channel()
            with contextlib.suppress(AMQPError):
                await channel.queue_delete(queue.name)
            await channel.close()
        await connection.close()
        await (await connect(self.broker, TOPOLOGY)).close()

    async def waiting(self, queue: str) -> int:
        """Return how many messages stand in a queue."""
        connection = await aio_pika.connect(self.broker)
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        await connection.close()
        return declared.declaration_result.message_count or 0


async def execute(url: str, statement: str) -> None:
    """Execute one statement in PostgreSQL."""
    server = await asyncpg.connect(url)
    await server.execute(statement)
    await server.close()


@dataclass(slots=True)
class Ledger:
    """A look into a run's database from outside."""

    url: str
    _sqlite: sqlite3.Connection | None = None
    _postgres: Any = None

    async def open(self) -> None:
        """Connect."""
        if self.url.startswith("sqlite"):
            self._sqlite = sqlite3.connect(self.url.partition(":///")[2], isolation_level=None)
        else:
            self._postgres = await asyncpg.connect(self.url.replace("+asyncpg", ""))

    async def value(self, query: str) -> Any:
        """Return the one value that a query gives, None if it gives none."""
        if self._sqlite is not None:
            row = self._sqlite.execute(query).fetchone()
            return row[0] if row else None
        return await self._postgres.fetchval(query)

    async def close(self) -> None:
        """Disconnect."""
        if self._sqlite is not None:
            self._sqlite.close()
        if self._postgres is not None:
            await self._postgres.close()


async def summary(client: httpx.AsyncClient, stub: str) -> dict[str, Any]:
    """Ask a stub what it has seen."""
    answer: dict[str, Any] = (await client.get(f"{stub}/summary")).json()
    return answer
