"""The running service: its roles in one process, from the first connection to an orderly end."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from consumers.roles import ROLES, Run, hints_of
from producers.poller import pollers
from sync_system.bootstrap import Core
from sync_system.cli.endings import sync_error_in
from sync_system.cli.reloading import Reloader
from sync_system.cli.waiting import bring_up_to_date, wait_for_broker, wait_for_ledger
from sync_system.cli.web import Web, take_port
from sync_system.errors import SyncError
from sync_system.messaging.consumer import Consumer

log = structlog.get_logger(__name__)

STOP_SECONDS = 30.0


class StoppedLate(SyncError):
    """Raised when the roles did not end in time after they were told to stop."""


async def serve(core: Core, roles: Sequence[str], config: Path, *, migrate: bool, wait: float) -> None:
    """Run these roles until a signal ends them; raise SyncError if they cannot start.

    `config`: the file that the core was built from; it is read again when it changes.
    """
    async with AsyncExitStack() as stack:
        taken = None
        if "api" in roles:
            taken = stack.enter_context(take_port(core.settings.root.api.host, core.settings.root.api.port))
        await wait_for_ledger(core, wait)
        await bring_up_to_date(core, migrate=migrate)
        await wait_for_broker(core, wait)
        web = None
        if taken is not None:
            from api.app import create_app

            web = Web(create_app(core), taken)
        elif served := core.settings.root.metrics:
            stack.enter_context(core.metrics.served(served.host, served.port))
        await Service(core, roles, web, [Reloader(core, config).run]).run()


class EndedByItself(SyncError):
    """Raised when a part of the service ends although nobody has told it to."""


class Service:
    """Roles that run together and end together."""

    def __init__(self, core: Core, roles: Sequence[str], web: Web | None, more: Sequence[Run] = ()) -> None:
        self.roles, self.web, self.stop = list(roles), web, asyncio.Event()
        self.runs = [*runs_of(core, roles), *more]

    async def run(self) -> None:
        """Run until told to stop; raise StoppedLate if that takes longer than 30 s."""
        self._listen_for_signals()
        try:
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
                for run in self.runs:
                    group.create_task(self._keep(run))
                if self.web:
                    group.create_task(self.web.run_until(self.stop))
                group.create_task(self._say_ready())
                group.create_task(self._end_by(limit))
        except TimeoutError as exc:
            raise StoppedLate(f"not all had ended {STOP_SECONDS:g} s after the stop: it is taken up again") from exc
        except BaseExceptionGroup as exc:
            if sync_error_in(exc) is None:
                log.exception("service.crashed")
            raise
        log.info("service.stopped")

    async def _keep(self, run: Run) -> None:
        """Run a part to its end; a group of tasks would not notice one that is cut off from beside."""
        try:
            await run(self.stop)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
        if not self.stop.is_set():
            raise EndedByItself(f"{run.__qualname__} has ended by itself")

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)

    def _told_to_stop(self, number: int) -> None:
        if self.stop.is_set():
            log.warning("service.killed", signal=signal.Signals(number).name)
            os._exit(128 + number)
        log.info("service.stopping", signal=signal.Signals(number).name)
        self.stop.set()

    async def _say_ready(self) -> None:
        """Say when every queue is read and the port is served."""
        waited_for = [event for run in self.runs if (event := connected_event(run))]
        if self.web:
            waited_for.append(self.web.listening)
        connected: asyncio.Future[Any] = asyncio.gather(*(event.wait() for event in waited_for))
        stopping: asyncio.Future[Any] = asyncio.ensure_future(self.stop.wait())
        await asyncio.wait([connected, stopping], return_when=asyncio.FIRST_COMPLETED)
        if connected.done():
            more = {"api": self.web.url} if self.web else {}
            log.info("service.ready", roles=" ".join(self.roles), pid=os.getpid(), **more)
        connected.cancel()
        stopping.cancel()

    async def _end_by(self, limit: asyncio.Timeout) -> None:
        await self.stop.wait()
        limit.reschedule(asyncio.get_running_loop().time() + STOP_SECONDS)


def connected_event(run: Run) -> asyncio.Event | None:
    """Return what is set while a queue is read, None for what reads none."""
    reader = getattr(run, "__self__", None)
    return reader.connected if isinstance(reader, Consumer) else None


def runs_of(core: Core, roles: Sequence[str]) -> list[Run]:
    """Return what runs for these roles, but for the HTTP interface."""
    hints = hints_of(core)
    runs = [run for role in roles if role in ROLES for run in ROLES[role](core, hints)]
    if runs:
        runs.append(hints.listen)
    if "poll" in roles:
        runs.extend(poller.run for poller in pollers(core))
    return runs
