"""One run: as many leads as asked for, already in the queue when the clock starts, until the last one is settled."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.contestants import Contestant
from benchmarks.fill import Publishing
from benchmarks.ground import Ground, Ledger, summary
from benchmarks.leads import APPLICATION, CRM, messages
from benchmarks.processes import Child, cpu_seconds, peak_mb, servers_cpu
from sync_system.messaging.topology import events_queue

PATIENCE_SECONDS = 600
LOOK_SECONDS = 0.02


class NotFinished(Exception):
    """Raised when leads are missing, came twice, or do not arrive in time."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run took. CPU in seconds; `reports`: what the processes themselves tell, by name."""

    leads: int
    seconds: float
    calls: int
    most_in_flight: int
    cpu: float
    broker_cpu: float
    database_cpu: float
    peak_mb: float
    reports: dict[str, dict[str, Any]]

    @property
    def rate(self) -> float:
        """Leads per second."""
        return self.leads / self.seconds


async def race(ground: Ground, kind: str, contestant: Contestant, leads: int) -> Result:
    """Run once, with everything fresh; raise NotFinished."""
    await ground.empty_queues()
    publishing = await Publishing.open(ground.broker)
    await publishing.fill(messages(APPLICATION, leads))
    publishing.close()
    async with ground.database(kind) as database, ground.stub() as stub, httpx.AsyncClient() as client:
        await contestant.prepare(database)
        ledger = Ledger(database)
        await ledger.open()
        children = await contestant.start(ground, database, stub)
        try:
            result = await measured(kind, contestant, leads, children, ledger, client, stub)
        finally:
            for child in children.values():
                child.kill()
            await ledger.close()
    if left := await ground.waiting(events_queue(APPLICATION.name)):
        raise NotFinished(f"{left} messages are left in the queue")
    return result


async def measured(
    kind: str,
    contestant: Contestant,
    leads: int,
    children: dict[str, Child],
    ledger: Ledger,
    client: httpx.AsyncClient,
    stub: str,
) -> Result:
    """Give the word, wait for the end, and add up."""
    before, started = costs(children), time.monotonic()
    for child in children.values():
        await child.go()
    while not await through(ledger, contestant, client, stub, leads):
        for child in children.values():
            child.check()
        if time.monotonic() - started > PATIENCE_SECONDS:
            raise NotFinished(f"not finished in time: {await summary(client, stub)}")
        await asyncio.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - started
    cpu, broker, database = (now - then for now, then in zip(costs(children), before, strict=True))
    peak = sum(peak_mb(child.process.pid) for child in children.values())
    reports = {name: await child.stop() for name, child in children.items()}
    seen = await summary(client, stub)
    if seen["leads"] != {CRM.name: leads} or seen["again"] or await ledger.value(contestant.finished) != leads:
        raise NotFinished(f"leads are missing or came twice: {seen}, {await ledger.value(contestant.finished)}")
    return Result(
        leads, seconds, seen["calls"][CRM.name], seen["most_in_flight"], cpu, broker,
        database if kind != "sqlite" else 0.0, peak, reports,
    )  # fmt: skip


def costs(children: dict[str, Child]) -> tuple[float, float, float]:
    """Return the CPU seconds so far of the contestant, the broker and the database."""
    own = sum(cpu_seconds(child.process.pid) for child in children.values())
    return own, servers_cpu("beam.smp"), servers_cpu("postgres")


async def through(ledger: Ledger, contestant: Contestant, client: httpx.AsyncClient, stub: str, leads: int) -> bool:
    """Tell whether every lead has arrived and is settled."""
    seen = await summary(client, stub)
    if seen["leads"].get(CRM.name, 0) < leads:
        return False
    return await ledger.value(contestant.unfinished) is None
