"""How fast a loop goes round: at once while there is work, at leisure while there is none, slower when all fails."""

import asyncio
from typing import Any

LONGEST_SECONDS = 15.0
FIRST_SECONDS = 0.25


class Pace:
    """The pace of one loop. `idle`: seconds between rounds without work."""

    def __init__(self, stop: asyncio.Event, idle: float) -> None:
        self.stop, self.idle, self.failures = stop, idle, 0

    async def next(self, *, busy: bool, wake: asyncio.Event | None = None) -> None:
        """Wait until the next round is due, or something wakes it."""
        self.failures = 0
        if not busy:
            await self._wait(self.idle, wake)

    async def back_off(self) -> None:
        """Wait longer with every failure in a row."""
        self.failures += 1
        await self._wait(min(FIRST_SECONDS * 2 ** (self.failures - 1), LONGEST_SECONDS))

    async def _wait(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        events = [e for e in (self.stop, wake) if e is not None]
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(e.wait()) for e in events]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for future in waiting:
            future.cancel()
        if wake is not None:
            wake.clear()
