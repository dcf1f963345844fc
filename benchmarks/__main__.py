"""`python -m benchmarks`: every database in turn, service and batcher by turns, then the latency."""

import asyncio
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.contestants import batcher, service
from benchmarks.ground import Ground
from benchmarks.latency import PER_SECOND, latency
from benchmarks.race import Result, race
from benchmarks.report import Measured, show, show_profile
from sync_system.sandbox.nodes import private_broker, private_postgres

CRM_SECONDS = 0.02
QUICK, FULL = 20_000, 100_000
PROCESSES = {"sqlite": 1, "postgresql": 2}  # SQLite has one writer: a second process only waits for it

console = Console(stderr=True, width=200)


def main(
    *,
    quick: Annotated[bool, typer.Option(help=f"{QUICK:,} leads and 10 s of latency.")] = False,
    databases: Annotated[str, typer.Option(help="Which to measure.")] = "sqlite,postgresql",
    leads: Annotated[int, typer.Option(help=f"How many leads a run carries; {FULL:,} if 0.")] = 0,
    rounds: Annotated[int, typer.Option(help="How often service and batcher take turns.")] = 2,
    processes: Annotated[int, typer.Option(help="Processes of each contestant; 0: as the database allows.")] = 0,
    profile: Annotated[bool, typer.Option(help="One run of the service, and where its time goes.")] = False,
    top: Annotated[int, typer.Option(help="How many functions a profile shows.")] = 25,
) -> None:
    """Measure how fast leads travel, beside a bare batcher in the same run; the last line is JSON."""
    quick = quick or os.environ.get("QUICK") == "1"
    count = leads or (QUICK if quick else FULL)
    kinds = databases.split(",")
    with ExitStack() as stack:
        ground = _ground(stack, kinds)
        _say(count, rounds)
        if profile:
            asyncio.run(_profile(ground, kinds, count, processes or 2, top))
            return
        seconds = 10 if quick else 20
        measured = {
            kind: asyncio.run(_measure(ground, kind, count, rounds, processes or PROCESSES[kind], seconds))
            for kind in kinds
        }
    show(console, measured)
    print(json.dumps({kind: m.document() for kind, m in measured.items()}))


def _ground(stack: ExitStack, kinds: list[str]) -> Ground:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sync-bench-")))
    broker = stack.enter_context(private_broker(folder / "broker", controllable=True))
    postgres = None
    if "postgresql" in kinds:
        postgres = stack.enter_context(private_postgres(folder / "postgres", controllable=True, durable=True)).url
    return Ground(folder, broker.url, postgres, CRM_SECONDS)


def _say(count: int, rounds: int) -> None:
    load = os.getloadavg()[0]
    console.print(
        f"{count:,} leads, {rounds} rounds, bulk calls of 200 to a CRM that answers after {CRM_SECONDS * 1000:.0f} ms;"
        f" {os.cpu_count()} cores for everything, load {load:.1f} before we begin",
        highlight=False,
    )


async def _measure(ground: Ground, kind: str, count: int, rounds: int, processes: int, seconds: float) -> Measured:
    contestants = (service(processes), batcher(processes))
    results: dict[str, list[Result]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            result = await race(ground, kind, contestant, count)
            results[contestant.name].append(result)
            console.print(
                f"{kind} {contestant.name}, {processes} process(es): {result.rate:,.0f} leads/s, {result.calls} calls",
                highlight=False,
            )
    console.print(f"{kind}: {PER_SECOND} leads/s in each direction for {seconds:.0f} s", highlight=False)
    return Measured(results["service"], results["batcher"], await latency(ground, kind, contestants[0], seconds))


async def _profile(ground: Ground, kinds: list[str], count: int, processes: int, top: int) -> None:
    for kind in kinds:
        result = await race(ground, kind, service(processes, profile=True), count)
        console.print(f"{kind}: {result.rate:,.0f} leads/s, {result.calls} calls", highlight=False)
        show_profile(console, kind, result, top)


if __name__ == "__main__":
    typer.run(main)
