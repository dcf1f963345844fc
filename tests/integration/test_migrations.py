"""The migrations make just what the tables say, and each can be taken back."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from sync_system.ledger.tables import metadata

REVISIONS = [one.revision for one in ScriptDirectory.from_config(migrations.configuration()).walk_revisions()]


@pytest.fixture
async def engine(database_url):
    engine = create_async_engine(database_url)
    yield engine
    await engine.dispose()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def indexes(connection: Connection) -> dict[str, str]:
    """Return each index's definition, with its condition, in the database's own words."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    return {row[0]: row[1] for row in connection.exec_driver_sql(query)}


def migrate(connection: Connection, direction: str, target: str) -> None:
    config = migrations.configuration()
    config.attributes["connection"] = connection
    getattr(command, direction)(config, target)


async def test_migrations_make_the_tables(engine):
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_make_the_conditions_of_indexes(engine):
    async with engine.begin() as connection:
        migrated = await connection.run_sync(indexes)
        await connection.run_sync(migrate, "downgrade", "base")
        await connection.run_sync(metadata.create_all)
        declared = await connection.run_sync(indexes)
        await connection.run_sync(metadata.drop_all)
    migrated.pop("alembic_version_pkc", None)
    declared.pop("alembic_version_pkc", None)
    assert {name: plain(text) for name, text in migrated.items()} == {n: plain(t) for n, t in declared.items()}


def plain(text: str) -> str:
    return " ".join(text.replace('"', "").replace("(", " ( ").split())


async def test_every_version_can_be_taken_back(engine):
    for _ in REVISIONS:
        async with engine.begin() as connection:
            await connection.run_sync(migrate, "downgrade", "-1")
    async with engine.begin() as connection:
        left = await connection.run_sync(lambda c: set(inspect(c).get_table_names()))
        assert left <= {"alembic_version"}
        await connection.run_sync(migrate, "upgrade", "head")
        assert await connection.run_sync(differences) == []


async def test_upgrade_of_the_newest_changes_nothing(engine, database_url):
    await migrations.upgrade(database_url)
    assert await migrations.current(database_url) == migrations.newest() == REVISIONS[0]
