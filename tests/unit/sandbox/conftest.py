"""A pretend CRM and a pretend application a session, each test with rows, faults and settings of its own."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from webhook_receiver import Receiver, webhook_receiver

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.serving.process import PretendSystem


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as listening:
        yield listening


def fresh(system: PretendSystem, first_settings: dict[str, Any]) -> None:
    system.lift()
    system.forget_calls()
    system.tune(**first_settings)


@pytest.fixture(scope="session")
def shared_crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PretendCrm, dict[str, Any]]]:
    with PretendCrm(tmp_path_factory.mktemp("crm")) as crm:
        yield crm, crm.ask("GET", "/settings")


@pytest.fixture
def crm(shared_crm: tuple[PretendCrm, dict[str, Any]]) -> Iterator[PretendCrm]:
    fresh(*shared_crm)
    yield shared_crm[0]
    fresh(*shared_crm)


@pytest.fixture
def http(crm: PretendCrm) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {crm.token}"}
    with httpx.Client(base_url=crm.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def shared_application(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[PretendApplication, dict[str, Any]]]:
    with PretendApplication(tmp_path_factory.mktemp("application")) as application:
        yield application, application.ask("GET", "/settings")


@pytest.fixture
def application(shared_application: tuple[PretendApplication, dict[str, Any]]) -> Iterator[PretendApplication]:
    fresh(*shared_application)
    yield shared_application[0]
    fresh(*shared_application)


@pytest.fixture
def backend(application: PretendApplication) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {application.token}"}
    with httpx.Client(base_url=application.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


NUMBERS = count(1)


@pytest.fixture
def name() -> str:
    """Return a word that no other test uses."""
    return f"person{next(NUMBERS)}"
