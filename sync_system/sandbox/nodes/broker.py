"""Where the sandbox gets its broker and database: what the environment names, else Docker, else a private node."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_system.sandbox.errors import NothingToRun, NotOurs
from sync_system.sandbox.nodes import docker, postgres, rabbitmq
from sync_system.sandbox.nodes.packages import Tree, unpacked
from sync_system.sandbox.nodes.postgres import PostgresNode
from sync_system.sandbox.nodes.rabbitmq import RabbitNode

PACKAGES = Path(".sync/packages")


@dataclass(frozen=True, slots=True)
class Node:
    """A broker or database to use; only a private one can be stopped, killed and started."""

    url: str
    private: RabbitNode | PostgresNode | None = None

    def stop(self) -> None:
        """End the node in good order; its data and URL stay."""
        self._ours().stop()

    def kill(self) -> None:
        """End the node at once; its data and URL stay."""
        self._ours().kill()

    def start(self) -> None:
        """Start the node again and wait until it is ready."""
        self._ours().start()

    def restart(self) -> None:
        """Stop the node and start it again."""
        self._ours().restart()

    def _ours(self) -> RabbitNode | PostgresNode:
        if self.private is None:
            raise NotOurs(f"the node at {self.url.rpartition('@')[2]} is not ours to stop or start")
        return self.private


@contextmanager
def private_broker(folder: Path, *, controllable: bool = False, packages: Path = PACKAGES) -> Iterator[Node]:
    """Give a RabbitMQ for as long as the block runs: `SYNC_BROKER`, Docker, the installed server, or its packages.

    `controllable` asks for a private node, whatever else there is. `packages` is where fetched packages are kept.
    """
    url = os.environ.get("SYNC_BROKER")
    if url and not controllable:
        yield Node(url)
    elif not controllable and docker.engine_answers():
        with docker.broker_container() as address:
            yield Node(address)
    else:
        tree = Tree() if rabbitmq.installed() else _broker_tree(packages)
        with RabbitNode(folder, tree=tree) as node:
            yield Node(node.url, node)


@contextmanager
def private_postgres(
    folder: Path, *, controllable: bool = False, durable: bool = False, packages: Path = PACKAGES
) -> Iterator[Node]:
    """Give a PostgreSQL for as long as the block runs: `SYNC_TEST_POSTGRES`, Docker, the installed server, or its packages."""
    url = os.environ.get("SYNC_TEST_POSTGRES")
    if url and not controllable:
        yield Node(url)
    elif not controllable and docker.engine_answers():
        with docker.postgres_container() as address:
            yield Node(address)
    else:
        tree = Tree() if postgres.binaries(Tree()) else _postgres_tree(packages)
        with PostgresNode(folder, tree=tree, durable=durable) as node:
            yield Node(node.url, node)


def _broker_tree(packages: Path) -> Tree:
    try:
        return unpacked("rabbitmq-server", packages)
    except NothingToRun as reason:
        raise NothingToRun(
            f"there is no RabbitMQ to use: set SYNC_BROKER to the URL of one, start Docker, or install rabbitmq-server ({reason})"
        ) from reason


def _postgres_tree(packages: Path) -> Tree:
    account = postgres.unprivileged()
    if account and not postgres.searchable(packages.absolute().parent, account):
        packages = Path("/var/cache/sync-system")  # the account that postgres runs as must get there
    try:
        return unpacked("postgresql", packages)
    except NothingToRun as reason:
        raise NothingToRun(
            f"there is no PostgreSQL to use: set SYNC_TEST_POSTGRES to the URL of one, start Docker, or install postgresql ({reason})"
        ) from reason
