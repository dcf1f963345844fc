"""Answers the looks that intake asked for, as they come up."""

import asyncio

import structlog

from consumers.hints import Hints
from consumers.pace import Pace
from sync_system.errors import LedgerUnavailable
from sync_system.services.looks import Looks

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.25


class LooksRole:
    """The looks of one system."""

    def __init__(self, system: str, looks: Looks, hints: Hints) -> None:
        self.system, self.looks, self.hints = system, looks, hints

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        pace = Pace(stop, IDLE_SECONDS)
        while not stop.is_set():
            try:
                taken = await self.looks.look(self.system)
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", role="looks", error=str(exc))
                await pace.back_off()
                continue
            if taken.down:
                await pace.back_off()
                continue
            await self.hints.send("records", taken.destinations)
            await pace.next(busy=bool(taken.outcomes))
