"""One installation on a ledger of its own, driven by its services, with a clock that a test can put forward."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import event, text

from sync_system.bootstrap import Core, build
from sync_system.connectors.registry import connector_types
from sync_system.messaging.envelope import Event
from sync_system.services.clock import now
from sync_system.services.delivery import Progress
from sync_system.services.ingest import Ingested
from sync_system.settings import load_text
from tests.configured import configured

SECOND = 1_000_000
numbers = itertools.count(1)


def fresh(name: str = "lead") -> str:
    """Return a name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:10]}-{next(numbers)}"


def email() -> str:
    return f"{fresh()}@example.com"


def phone() -> str:
    """Return an Indian number that no other test uses."""
    return f"+919{uuid.uuid4().int % 10**9:09d}"


def told(system: str, row: str, data: Mapping[str, Any] | None, **more: Any) -> bytes:
    """Return the message of a system about one of its rows; by default that it is new, now."""
    given = {"id": uuid.uuid4().hex, "object": "lead", "verb": "created", "at": now()} | more
    return Event(source=system, external_id=row, data=None if data is None else dict(data), **given).encode()


def contact(key: str | None = None, **properties: Any) -> dict[str, Any]:
    """Return a CRM's row that says whether it carries our key."""
    return {"sync_external_id": key, **properties}


def document(stored: Any) -> Any:
    """Return a JSON column's value; SQLite gives it as text where it is asked in SQL."""
    return orjson.loads(stored) if isinstance(stored, str) else stored


@dataclass
class Installation:
    """The core of one process and, if asked for, of others on the same ledger."""

    environ: Mapping[str, str]
    changes: Mapping[str, Any] = field(default_factory=dict)
    ahead: int = 0  # microseconds that its clock is ahead
    frozen_at: int | None = None  # what its clock shows for ever

    def __post_init__(self) -> None:
        self.cores = AsyncExitStack()
        self.core = self.another()

    def another(self) -> Core:
        """Return the core of one more process."""
        settings = load_text(configured(self.changes), connector_types(), self.environ)
        core = build(settings, connector_types(), self.clock)
        self.cores.push_async_callback(core.aclose)
        return core

    def clock(self) -> int:
        return (now() if self.frozen_at is None else self.frozen_at) + self.ahead

    async def take(self, system: str, *bodies: bytes) -> Ingested:
        """Take in a batch of messages."""
        return await self.core.ingest().take(system, bodies)

    async def deliver(self, system: str) -> Progress:
        """Deliver until nothing is pending; return the sum of all rounds."""
        total, delivery = Progress(), self.core.delivery()
        while (one := await delivery.deliver(system)).claimed:
            total.claimed += one.claimed
            total.calls += one.calls
            total.outcomes += one.outcomes
            total.failed += one.failed
        return total

    async def recover(self, system: str) -> None:
        """Let the outage of a system be found over: a probe, what was pending, what failed meanwhile."""
        self.ahead += 30 * SECOND
        await self.deliver(system)
        await self.core.replaying().recover(system)
        await self.deliver(system)

    async def settle(self) -> None:
        """Look and deliver, bulk work as well, until nothing is left to do."""
        busy = True
        while busy:
            busy = False
            self.ahead += 5 * SECOND
            for system in self.core.settings.systems:
                busy |= bool((await self.core.looks().look(system)).outcomes)
                busy |= (await self.deliver(system)).claimed > 0

    async def expire(self, system: str) -> int:
        """Let every lease of a system run out, and the sweeper return the claims."""
        self.ahead += int(self.core.settings.systems[system].common.delivery.lease * SECOND) + SECOND
        return await self.core.sweeping().return_expired()

    async def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Ask the ledger in SQL; rows of one column come as its values."""
        async with self.core.db.read() as sql:
            found = [tuple(row) for row in await sql.execute(text(query), values)]
        return [row[0] for row in found] if found and len(found[0]) == 1 else found

    async def one(self, query: str, **values: Any) -> Any:
        """Ask the ledger for the one row that there must be."""
        [row] = await self.rows(query, **values)
        return row

    async def states(self, destination: str) -> list[str]:
        """Return the states of all transactions to a system, the oldest first."""
        query = "SELECT state FROM transactions WHERE destination = :destination ORDER BY id"
        return list(await self.rows(query, destination=destination))

    async def linked(self, record: str, system: str) -> str | None:
        """Return the row that a record is linked to in a system, None if it is linked to none."""
        query = "SELECT external_id FROM links WHERE record = :record AND system = :system"
        found = await self.rows(query, record=record, system=system)
        return found[0] if found else None


class Statements:
    """Counts the statements and commits of a core's database while the block runs."""

    def __init__(self, core: Core) -> None:
        self.engine, self.statements, self.commits = core.db.engine.sync_engine, list[str](), 0

    def __enter__(self) -> "Statements":
        event.listen(self.engine, "before_cursor_execute", self._execute)
        event.listen(self.engine, "commit", self._commit)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._execute)
        event.remove(self.engine, "commit", self._commit)

    def _execute(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            self.statements.append(statement)

    def _commit(self, connection: Any) -> None:
        self.commits += 1
