"""The roles that a process can take on, put together from the core's parts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from consumers.alerts import AlertRole
from consumers.delivery import DeliveryRole
from consumers.hints import Hints
from consumers.intake import IntakeConsumer, IntakeSettings
from consumers.looks import LooksRole
from consumers.reconcile import ReconcileRole
from consumers.replay import ReplayRole, SweepRole
from consumers.watchdog import Watchdog
from sync_system.bootstrap import Core

Run = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def intake(core: Core, hints: Hints) -> list[Run]:
    """Take in what every system reports, and read the rows that were reported without values."""
    block, ingest, looks = core.settings.root.intake, core.ingest(), core.looks()
    settings = IntakeSettings(block.batch, block.linger, min(block.in_flight, 2) if core.db.sqlite else block.in_flight)
    consumers = [
        IntakeConsumer(system, ingest, core.publisher, hints).consumer(core.broker_url, core.topology, settings)
        for system in core.settings.systems
    ]
    runs: list[Run] = [consumer.run for consumer in consumers]
    runs += [LooksRole(system, looks, hints).run for system in core.settings.systems]
    return [*runs, Watchdog(consumers, core.broker_url, core.topology).run]


def delivery(core: Core, hints: Hints) -> list[Run]:
    """Deliver to every system, and return what a worker left behind."""
    service, sweeping = core.delivery(), core.sweeping()
    runs: list[Run] = [SweepRole(sweeping, core.withdrawing(), core.health(), hints, core.settings.systems).run]
    for name, system in core.settings.systems.items():
        block = system.common.delivery
        role = DeliveryRole(name, service, sweeping, hints, concurrency=block.concurrency, linger=block.linger)
        runs.append(role.run)
    return runs


def replay(core: Core, hints: Hints) -> list[Run]:
    """Replay every system's failures at the ticks of its schedule, keep the alerts, and reconcile."""
    replaying, reconciling = core.replaying(), core.reconciling()
    return [
        AlertRole(core.alerting(), core.telling()).run,
        *(
            ReplayRole(name, core.schedule, replaying, hints, core.broker_url, core.topology, core.clock).run
            for name in core.settings.systems
        ),
        *(ReconcileRole(name, reconciling, hints).run for name in core.settings.systems),
    ]


def hints_of(core: Core) -> Hints:
    """Return this process's hints; their `listen` must run as well."""
    return Hints(core.broker_url, core.topology, core.publisher, core.settings.systems)


ROLES: dict[str, Callable[[Core, Hints], list[Run]]] = {"intake": intake, "delivery": delivery, "replay": replay}
