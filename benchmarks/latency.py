"""How long a lead takes from its publication to the other side, at a steady rate in both directions at once."""

import asyncio
import time
from dataclasses import dataclass
from itertools import groupby

import httpx

from benchmarks.contestants import Contestant
from benchmarks.fill import Publishing
from benchmarks.ground import Ground, summary
from benchmarks.leads import APPLICATION, CRM, SIDES, Message, messages

PER_SECOND = 500
STEP_SECONDS = 0.01
# Connections are opened and plans are made in the first seconds; they are not counted.
LEAD_IN_SECONDS = 2
PATIENCE_SECONDS = 60
OTHER = {APPLICATION.name: CRM.name, CRM.name: APPLICATION.name}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from publish to receipt, of all leads of one direction or of both."""

    p50: float
    p99: float
    worst: float


async def latency(ground: Ground, kind: str, contestant: Contestant, seconds: float) -> dict[str, Latency]:
    """Measure once: by source, and "both"."""
    await ground.empty_queues()
    async with ground.database(kind) as database, ground.stub() as stub, httpx.AsyncClient() as client:
        await contestant.prepare(database)
        children = await contestant.start(ground, database, stub)
        try:
            for child in children.values():
                await child.go()
            await asyncio.sleep(1)
            sent = await publish(ground.broker, seconds + LEAD_IN_SECONDS)
            await arrived(client, stub, len(sent[APPLICATION.name]))
            for child in children.values():
                await child.stop()
            came = (await client.get(f"{stub}/came")).json()
        finally:
            for child in children.values():
                child.kill()
    skip = LEAD_IN_SECONDS * PER_SECOND
    took = {
        source: [(came[OTHER[source]][email] - at) / 1e6 for email, at in list(times.items())[skip:]]
        for source, times in sent.items()
    }
    took["both"] = [ms for times in list(took.values()) for ms in times]
    return {source: summed_up(times) for source, times in took.items()}


async def publish(broker: str, seconds: float) -> dict[str, dict[str, int]]:
    """Publish at the rate, from both sides; return when each lead was published, by source and email."""
    publishing = await Publishing.open(broker)
    count = int(PER_SECOND * seconds)
    pairs = list(zip(*(messages(side, count) for side in SIDES), strict=True))
    sent: dict[str, dict[str, int]] = {side.name: {} for side in SIDES}
    started = time.monotonic()
    for step, numbered in groupby(enumerate(pairs), lambda pair: int(pair[0] / (PER_SECOND * STEP_SECONDS))):
        await asyncio.sleep(started + step * STEP_SECONDS - time.monotonic())
        for _, pair in numbered:
            note(publishing, pair, sent)
    await publishing.confirmed()
    publishing.close()
    return sent


def note(publishing: Publishing, pair: tuple[Message, ...], sent: dict[str, dict[str, int]]) -> None:
    """Publish a lead from each side."""
    for side, message in zip(SIDES, pair, strict=True):
        sent[side.name][message.email] = time.monotonic_ns()
        publishing.send(message)


async def arrived(client: httpx.AsyncClient, stub: str, count: int) -> None:
    """Wait until all leads have come to both sides."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await summary(client, stub))["leads"] != {side.name: count for side in SIDES}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def summed_up(times: list[float]) -> Latency:
    """Return the percentiles."""
    ordered = sorted(times)
    return Latency(ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
