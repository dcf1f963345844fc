"""What every test may ask for: a real broker and real databases, private to one worker of the run, clean for each test."""

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pika
import pytest

import migrations
from sync_system.messaging.topology import topology
from sync_system.sandbox.nodes import private_broker, private_postgres
from sync_system.sandbox.nodes.broker import Node

SYSTEMS = ("application", "crm", "shop")


@pytest.fixture(scope="session")
def broker_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if url := os.environ.get("SYNC_TEST_BROKER"):
        yield Node(url)
        return
    with private_broker(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest.fixture
def broker(broker_node: Node) -> Iterator[Node]:
    """A broker on which nothing of ours stands, before and after."""
    clear(broker_node.url)
    yield broker_node
    clear(broker_node.url)


def clear(url: str) -> None:
    declared = topology(SYSTEMS)
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        for queue in declared.queues:
            channel.queue_delete(queue.name)
        for exchange in declared.exchanges:
            channel.exchange_delete(exchange.name)


@pytest.fixture(scope="session")
def postgres_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with private_postgres(tmp_path_factory.mktemp("postgres")) as node:
        asyncio.run(make_template(node.url))
        yield node


TEMPLATE = f"sync_template_{os.getpid()}"


async def make_template(url: str) -> None:
    await administer(url, f"CREATE DATABASE {TEMPLATE}")
    await migrations.upgrade(database_of(url, TEMPLATE))


async def administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_of(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}".replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture
def postgres_url(postgres_node: Node) -> Iterator[str]:
    """An empty ledger in a database of its own."""
    name = f"sync_{uuid.uuid4().hex}"
    asyncio.run(administer(postgres_node.url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield database_of(postgres_node.url, name)
    asyncio.run(administer(postgres_node.url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"
    asyncio.run(migrations.upgrade(url))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty ledger, once in each database."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
