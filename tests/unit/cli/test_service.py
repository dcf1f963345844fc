"""Roles that share a process begin together and end together, one way or another."""

import asyncio
import os
import signal

import pytest
import structlog

from sync_system.cli import service
from sync_system.cli.service import Service, StoppedLate
from sync_system.errors import LedgerUnavailable


@pytest.fixture(autouse=True)
def logged():
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
def serving(monkeypatch):
    def make(*runs):
        monkeypatch.setattr(service, "runs_of", lambda *_: list(runs))
        return Service(None, ["intake"], None)

    return make


def ending(done):
    async def run(stop):
        await stop.wait()
        done.append("ended")

    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_every_role_end(serving, logged, number):
    done = []

    async def stopper(stop):
        os.kill(os.getpid(), number)
        await stop.wait()

    await serving(ending(done), ending(done), stopper).run()
    assert done == ["ended", "ended"]
    assert [entry["event"] for entry in logged][-2:] == ["service.stopping", "service.stopped"]


async def test_role_that_does_not_end_is_not_waited_for(serving, monkeypatch):
    monkeypatch.setattr(service, "STOP_SECONDS", 0.05)
    done = []

    async def stubborn(stop):
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            done.append("cancelled")

    with pytest.raises(StoppedLate):
        await serving(stubborn, ending(done)).run()
    assert sorted(done) == ["cancelled", "ended"]


async def test_role_that_breaks_ends_the_others(serving, logged):
    async def broken(stop):
        raise KeyError("a bug")

    with pytest.raises(ExceptionGroup):
        await serving(broken, ending([])).run()
    assert "service.crashed" in [entry["event"] for entry in logged]


async def test_role_that_cannot_go_on_is_no_crash(serving, logged):
    async def unable(stop):
        raise LedgerUnavailable("the database does not answer")

    with pytest.raises(ExceptionGroup):
        await serving(unable, ending([])).run()
    assert "service.crashed" not in [entry["event"] for entry in logged]
