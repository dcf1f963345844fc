"""Drains a destination's failed queue at the ticks of its schedule; between them, sweeps what was left behind."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import orjson
import structlog

from consumers.hints import Hints
from consumers.pace import Pace
from sync_system.domain.schedule import Schedule
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.messaging.broker import BROKEN, describe
from sync_system.messaging.drain import drain
from sync_system.messaging.topology import Topology, failed_queue
from sync_system.services.canary import Stage, replay_so
from sync_system.services.clock import Clock
from sync_system.services.health import Health
from sync_system.services.replaying import Replaying
from sync_system.services.sweeping import Sweeping
from sync_system.services.withdrawing import Withdrawing

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
LOOK_SECONDS = 1.0
FORGET_EVERY = 600
FAILURES = (LedgerUnavailable, BrokerUnavailable, *BROKEN)


class ReplayRole:
    """The replay of one destination's failures."""

    def __init__(
        self,
        system: str,
        schedule: Callable[[str], Schedule],
        replaying: Replaying,
        hints: Hints,
        url: str,
        topology: Topology,
        clock: Clock,
    ) -> None:
        self.system, self.schedule, self.replaying, self.hints = system, schedule, replaying, hints
        self.url, self.topology, self.clock = url, topology, clock

    async def run(self, stop: asyncio.Event) -> None:
        """Replay at every tick, and when an outage is over, until told to stop."""
        pace, last = Pace(stop, 0.0), self.clock()
        while not stop.is_set():
            # Asked anew each time: the schedule may change while this waits.
            tick_at = self.schedule(self.system).next_after(last)
            left = (tick_at - self.clock()) / 1_000_000
            pace.idle = min(max(left, 0.0), LOOK_SECONDS)
            await pace.next(busy=left <= 0)
            try:
                await self.recover()
                if left <= 0:
                    last = self.clock()
                    await self.tick(tick_at)
            except FAILURES as exc:
                log.warning("replay.interrupted", destination=self.system, error=describe(exc))
                await pace.back_off()

    async def recover(self) -> None:
        """Replay what failed because of an outage that is over."""
        recovered = await self.replaying.recover(self.system)
        if recovered.pending:
            log.info("replay.recovered", destination=self.system, replayed=recovered.pending)
            await self._wake()

    async def tick(self, tick_at: int | None = None) -> None:
        """Replay everything that stands in the failed queue now and failed before the tick.

        What has failed since was replayed at this very tick by another process, and waits for the next one.
        """
        began_at = self.clock() if tick_at is None else tick_at
        counts, many = Counter[str](), set[str]()

        async def take(bodies: list[bytes]) -> None:
            replayed = await self.replaying.replay(self.system, self._named(bodies), before=began_at)
            counts.update(replayed=replayed.pending, parked=replayed.parked)
            many.update(replayed.many)

        await drain(self.url, self.topology, failed_queue(self.system), take)
        if counts["replayed"]:
            await self._wake()
        for cause in sorted(many):
            await replay_so(self.replaying.db, self.clock, self.system, cause, began_at, self._wake, self._told)
        lost = await self.replaying.find_lost(self.system, began_at)
        if counts.total() or lost:
            log.info("replay.ticked", destination=self.system, lost_messages=lost, **counts)

    async def _wake(self) -> None:
        await self.hints.send("replay", [self.system])

    async def _told(self, stage: Stage) -> None:
        log.info("replay.canary", destination=self.system, tried=stage.tried, again=stage.again, stopped=stage.stopped)

    def _named(self, bodies: Sequence[bytes]) -> list[int]:
        """Return the transactions that messages stand for; one that stands for none tells nothing, and is dropped."""
        ids = []
        for body in bodies:
            try:
                ids.append(int(orjson.loads(body)["transaction"]))
            except (ValueError, TypeError, KeyError):
                log.warning("failed.unreadable", destination=self.system, size=len(body))
        return ids


class SweepRole:
    """Returns expired claims, announces failures and gives back charges, over all destinations."""

    def __init__(
        self,
        sweeping: Sweeping,
        withdrawing: Withdrawing,
        health: Health,
        hints: Hints,
        destinations: Collection[str],
    ) -> None:
        self.sweeping, self.withdrawing, self.health = sweeping, withdrawing, health
        self.hints, self.destinations = hints, destinations

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until told to stop."""
        pace, rounds = Pace(stop, SWEEP_SECONDS), 0
        while not stop.is_set():
            try:
                if rounds % FORGET_EVERY == 0:
                    await self.sweeping.forget()
                rounds += 1
                returned = await self.sweeping.return_expired()
                await self.sweeping.announce_failed()
                await self.health.give_back()
                if withdrawn := await self.withdrawing.withdraw():
                    log.info("rows.withdrawn", rows=withdrawn)
            except FAILURES as exc:
                log.warning("sweep.interrupted", error=describe(exc))
                await pace.back_off()
                continue
            if returned:
                log.warning("claims.returned", transactions=returned)
                await self.hints.send("returned", self.destinations)
            await pace.next(busy=False)
