"""The inside of a measured process: says when it is ready, starts when told, stops when its input ends, then reports."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.sampling import Sampler


async def obey(run: Callable[[asyncio.Event], Awaitable[Any]], report: dict[str, Any], *, profile: bool) -> None:
    """Run between the two words of the parent; the last line of the output is the report."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    sampler = Sampler()
    if profile:
        sampler.start()
    stop = asyncio.Event()
    running = asyncio.ensure_future(run(stop))
    ending = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    profiled = sampler.report() if profile else None
    stop.set()
    await running
    print(json.dumps({**report, "profile": profiled}), flush=True)
