"""Addresses are shown without users and passwords."""

import pytest

from sync_system.cli.addresses import broker_address, database_address
from sync_system.ledger.database import Database


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://guest:secret@127.0.0.1:5673/", "127.0.0.1:5673"),
        ("amqp://guest:secret@broker/", "broker:5672"),
        ("amqps://guest:secret@broker/%2f", "broker:5671"),
    ],
)
def test_broker_is_shown_without_its_password(url, shown):
    assert broker_address(url) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+asyncpg://sync:secret@db/leads", "db:5432/leads"),
        ("postgresql+asyncpg://sync:secret@db:5433/leads", "db:5433/leads"),
        ("sqlite+aiosqlite:///sync.db", "sync.db"),
    ],
)
async def test_database_is_shown_without_its_password(url, shown):
    db = Database(url)
    assert database_address(db) == shown
    await db.aclose()
