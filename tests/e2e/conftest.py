"""The whole sandbox, once for each file of tests, on the worker's broker; every test has leads of its own."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_system.sandbox.nodes.broker import Node
from sync_system.sandbox.stack import Stack
from tests.configured import configured
from tests.conftest import clear

numbers = itertools.count(1)


@contextmanager
def running(folder: Path, changes: Mapping[str, Any] | None = None, **options: Any) -> Iterator[Stack]:
    """Run the sandbox on its configuration with changes."""
    configuration = folder / "sync.yaml"
    configuration.write_text(configured(changes or {}))
    with Stack(folder, configuration=configuration, **options) as stack:
        stack.service.up()
        yield stack


@pytest.fixture(scope="module")
def module_broker(broker_node: Node) -> Iterator[Node]:
    """The worker's broker, with nothing of ours on it before and after the tests of a file."""
    clear(broker_node.url)
    yield broker_node
    clear(broker_node.url)


@pytest.fixture(scope="module")
def stack(
    module_broker: Node, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The sandbox; a file's `CHANGES` are put over its configuration."""
    changes = getattr(request.module, "CHANGES", {})
    with running(tmp_path_factory.mktemp("sandbox"), changes, broker=module_broker) as stack:
        yield stack


@pytest.fixture
def lead() -> Callable[..., dict[str, Any]]:
    """Make persons as the application knows them, each with an address and a number of their own."""
    run = uuid.uuid4().int % 10**6

    def make(**more: Any) -> dict[str, Any]:
        number = next(numbers)
        return {
            "email": f"lead{number}-{run}@example.com",
            "firstName": "Asha",
            "phone": f"+919{run % 1000:03d}{number:06d}",
            "stage": "N",
        } | more

    return make


@pytest.fixture
def contact(lead: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, str]]:
    """Make persons as the CRM knows them."""

    def make(**more: str) -> dict[str, str]:
        person = lead()
        return {"email": person["email"], "firstname": "Bilal", "phone": person["phone"]} | more

    return make
