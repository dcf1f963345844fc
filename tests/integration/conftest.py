"""Pretend systems that one worker's tests share, each with leads of its own, and installations between them."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.stack import define_properties
from tests.integration.installation import Installation

NOBODY_LISTENS = "amqp://guest:guest@127.0.0.1:1/"


@pytest.fixture(scope="session")
def standing_application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PretendApplication]:
    with PretendApplication(tmp_path_factory.mktemp("application")) as application:
        yield application


@pytest.fixture
def application(standing_application: PretendApplication) -> Iterator[PretendApplication]:
    """A pretend application without faults, in which the leads of other tests stand as well."""
    standing_application.forget_calls()
    yield standing_application
    standing_application.lift()
    standing_application.tune(latency=0.0, required=())


@pytest.fixture(scope="session")
def standing_crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PretendCrm]:
    with PretendCrm(tmp_path_factory.mktemp("crm")) as crm:
        define_properties(crm)
        yield crm


@pytest.fixture
def crm(standing_crm: PretendCrm) -> Iterator[PretendCrm]:
    """A pretend CRM without faults, in which the contacts of other tests stand as well."""
    standing_crm.forget_calls()
    yield standing_crm
    standing_crm.lift()
    standing_crm.tune(latency=0.0)


@pytest.fixture
async def install(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Installation]]:
    """Set up an installation; it knows the pretend systems and the broker that the test asks for."""
    started: list[Installation] = []

    def set_up(**changes: object) -> Installation:
        asked = {
            name: request.getfixturevalue(name)
            for name in ("application", "crm", "broker")
            if name in request.fixturenames
        }
        started.append(Installation(environment(database_url, asked), changes))
        return started[-1]

    yield set_up
    for installation in started:
        await installation.cores.aclose()


@pytest.fixture
def installation(install: Callable[..., Installation]) -> Installation:
    """An installation on the sandbox's configuration."""
    return install()


def environment(database: str, parts: dict[str, object]) -> dict[str, str]:
    def of(name: str, attribute: str, otherwise: str) -> str:
        return str(getattr(parts[name], attribute)) if name in parts else otherwise

    return {
        "SANDBOX_DATABASE": database,
        "SANDBOX_BROKER": of("broker", "url", NOBODY_LISTENS),
        "SANDBOX_PUBLIC_URL": "http://127.0.0.1:1",
        "SANDBOX_PORT": "0",
        "SANDBOX_APPLICATION": of("application", "url", "http://127.0.0.1:1"),
        "SANDBOX_APPLICATION_TOKEN": of("application", "token", "none"),
        "SANDBOX_CRM": of("crm", "url", "http://127.0.0.1:1"),
        "SANDBOX_CRM_TOKEN": of("crm", "token", "none"),
        "SANDBOX_CRM_SECRET": of("crm", "webhook_secret", "none"),
    }
