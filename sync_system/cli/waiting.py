"""Waiting at the start for what the service cannot do without: the broker, and the ledger at the right schema."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import text

import migrations
from sync_system.bootstrap import Core
from sync_system.cli.addresses import broker_address, database_address
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.messaging.broker import connect

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 0.5


async def wait_for_broker(core: Core, seconds: float) -> None:
    """Wait until RabbitMQ answers and holds the topology; raise BrokerUnavailable when the time is over."""

    async def ask() -> None:
        connection = await connect(core.broker_url, core.topology)
        await connection.close()

    await _wait("broker.awaited", f"RabbitMQ at {broker_address(core.broker_url)}", ask, seconds)


async def wait_for_ledger(core: Core, seconds: float) -> None:
    """Wait until the database answers; raise LedgerUnavailable when the time is over."""
    await _wait("ledger.awaited", f"the database {database_address(core.db)}", partial(ask_ledger, core), seconds)


async def ask_ledger(core: Core) -> None:
    """Ask the database for nothing; raise LedgerUnavailable if it does not answer."""
    async with core.db.read() as sql:
        await sql.execute(text("SELECT 1"))


async def _wait(event: str, what: str, ask: Callable[[], Awaitable[None]], seconds: float) -> None:
    until, told = time.monotonic() + seconds, False
    while True:
        try:
            return await ask()
        except (BrokerUnavailable, LedgerUnavailable) as exc:
            left = until - time.monotonic()
            if left <= 0:
                raise type(exc)(f"{what} could not be used within {seconds:g} s: {exc}") from exc
            if not told:
                log.warning(event, message=f"waiting for {what} …", reason=str(exc), at_most_seconds=seconds)
                told = True
            await asyncio.sleep(min(PAUSE_SECONDS, left))


async def schemas(core: Core) -> tuple[str | None, str]:
    """Return the ledger's schema version and the one that is needed; raise LedgerUnavailable if it is a newer one."""
    found = await migrations.current(_url(core))
    known = ScriptDirectory.from_config(migrations.configuration()).walk_revisions()
    if found is not None and found not in {one.revision for one in known}:
        raise LedgerUnavailable(f"the ledger is at schema {found}, which a newer version of sync-system has made")
    return found, migrations.newest()


async def bring_up_to_date(core: Core, *, migrate: bool) -> str:
    """Migrate the ledger, or only check it; return its schema version, raise LedgerUnavailable if it is not right."""
    found, needed = await schemas(core)
    if found != needed and not migrate:
        raise LedgerUnavailable(
            f"the ledger is at schema {found or 'none'}, this version needs {needed}: run `sync-system migrate`"
        )
    if found != needed:
        await migrations.upgrade(_url(core))
    return needed


def _url(core: Core) -> str:
    return core.db.url.render_as_string(hide_password=False)
