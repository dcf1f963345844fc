"""The ledger's schema, version by version (Alembic), and the one way to bring a database to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine


def configuration() -> Config:
    """Return Alembic's configuration for the scripts of this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """Return the schema version that this code needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


async def upgrade(url: str) -> None:
    """Bring a database to the newest schema; a database that is there already is left as it is."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def current(url: str) -> str | None:
    """Return the schema version of a database, None if it has none."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
