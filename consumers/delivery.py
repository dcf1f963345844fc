"""Delivers to one destination: woken by hints, looking by itself every second, several batches in flight."""

import asyncio

import structlog

from consumers.hints import Hints
from consumers.pace import Pace
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.services.delivery import Delivery, Progress
from sync_system.services.sweeping import Sweeping

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0


class DeliveryRole:
    """The delivery to one destination. `linger`: seconds that work may pile up before a batch is claimed."""

    def __init__(
        self, system: str, delivery: Delivery, sweeping: Sweeping, hints: Hints, *, concurrency: int, linger: float
    ) -> None:
        self.system, self.delivery, self.sweeping, self.hints = system, delivery, sweeping, hints
        self.concurrency, self.linger = concurrency, linger

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is in flight then is brought to its end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(self._lane(stop))

    async def _lane(self, stop: asyncio.Event) -> None:
        pace, wake = Pace(stop, IDLE_SECONDS), self.hints.wake[self.system]
        while not stop.is_set():
            try:
                progress = await self.delivery.deliver(self.system)
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", role="delivery", destination=self.system, error=str(exc))
                await pace.back_off()
                continue
            await self._after(progress)
            if self._down(progress):
                await pace.back_off()
            else:
                await pace.next(busy=progress.claimed > 0, wake=wake)
                if progress.claimed == 0:
                    await asyncio.sleep(self.linger)

    @staticmethod
    def _down(progress: Progress) -> bool:
        """Whether nothing at all got through: then the next batch can wait a little."""
        tried = progress.outcomes.total()
        return tried > 0 and progress.outcomes[OutcomeClass.UNAVAILABLE] == tried

    async def _after(self, progress: Progress) -> None:
        if not progress.claimed:
            return
        counts = {str(name): number for name, number in progress.outcomes.items()}
        log.info("batch.delivered", destination=self.system, claimed=progress.claimed, calls=progress.calls, **counts)
        if progress.failed:
            try:
                await self.sweeping.announce_failed()
            except BrokerUnavailable as exc:
                log.warning("failed.not_announced", destination=self.system, error=str(exc))
