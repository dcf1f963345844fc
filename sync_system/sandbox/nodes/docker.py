"""Nodes in containers, where a Docker engine answers; testcontainers is asked for only then."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BROKER_IMAGE = "rabbitmq:3.13-alpine"
POSTGRES_IMAGE = "postgres:16-alpine"


def engine_answers() -> bool:
    """Tell whether containers can be run here."""
    docker = shutil.which("docker")
    if docker is None or importlib.util.find_spec("testcontainers") is None:
        return False
    try:
        asked = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"], capture_output=True, timeout=10, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


@contextmanager
def broker_container() -> Iterator[str]:
    """Run RabbitMQ in a container and yield its URL."""
    from testcontainers.rabbitmq import RabbitMqContainer

    with RabbitMqContainer(BROKER_IMAGE) as container:
        yield f"amqp://guest:guest@{_address(container, 5672)}/"


@contextmanager
def postgres_container() -> Iterator[str]:
    """Run PostgreSQL in a container and yield its URL."""
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield str(container.get_connection_url())


def _address(container: Any, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"
