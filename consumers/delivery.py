"""Delivers to one destination: woken by hints, looking by itself every second, several batches in flight."""

import asyncio
from collections.abc import Sequence

import structlog

from consumers.hints import Hints
from consumers.pace import Pace
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.services.claiming import Claim
from sync_system.services.delivery import Delivery, Progress
from sync_system.services.sweeping import Sweeping

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0


class DeliveryRole:
    """The delivery to one destination: lanes that claim in turn, so that batches are full, and send side by side.

    `linger`: seconds that work may pile up before a batch is claimed.
    """

    def __init__(
        self, system: str, delivery: Delivery, sweeping: Sweeping, hints: Hints, *, concurrency: int, linger: float
    ) -> None:
        self.system, self.delivery, self.sweeping, self.hints = system, delivery, sweeping, hints
        self.concurrency, self.linger = concurrency, linger
        self._turn = asyncio.Lock()
        self._full = False

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is in flight then is brought to its end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(self._lane(stop))

    async def _lane(self, stop: asyncio.Event) -> None:
        pace = Pace(stop, IDLE_SECONDS)
        while not stop.is_set():
            try:
                async with self._turn:
                    claims = await self._claim(pace)
                progress = await self.delivery.carry(self.system, claims)
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", role="delivery", destination=self.system, error=str(exc))
                await pace.back_off()
                continue
            await self._after(progress)

    async def _claim(self, pace: Pace) -> Sequence[Claim]:
        """Wait for work, let it pile up a little, and claim; at once where the last batch was full."""
        if not self._full:
            await pace.next(busy=False, wake=self.hints.wake[self.system])
            await asyncio.sleep(self.linger)
        if pace.stop.is_set():
            return []
        self._full = False
        claims = await self.delivery.claim(self.system)
        self._full = sum(claim.count for claim in claims) >= self.delivery.lanes[self.system].batch
        return claims

    async def _after(self, progress: Progress) -> None:
        if not progress.claimed:
            return
        counts = {str(name): number for name, number in progress.outcomes.items()}
        log.info("batch.delivered", destination=self.system, claimed=progress.claimed, calls=progress.calls, **counts)
        again = progress.outcomes[OutcomeClass.CONFLICT] or progress.outcomes[OutcomeClass.UNCERTAIN]
        if again or progress.recovered or progress.bulk:
            self.hints.wake[self.system].set()  # back in line at once, or what has waited for a destination or its turn
        if progress.failed:
            try:
                await self.sweeping.announce_failed()
            except (BrokerUnavailable, LedgerUnavailable) as exc:  # the sweeper does it as soon as they answer
                log.warning("failed.not_announced", destination=self.system, error=str(exc))
