"""The gate that every call to a system passes: its limits, kept in the ledger for all processes together."""

import asyncio
from collections import Counter, deque

import structlog

from sync_system.connectors.protocol import Call, Told
from sync_system.domain.pace import Rate, slowed
from sync_system.errors import LedgerUnavailable, SystemUnavailable
from sync_system.ledger import limits
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock
from sync_system.services.observing import UNOBSERVED, Observer

log = structlog.get_logger(__name__)

SECOND = 1_000_000
# Nobody waits longer for a turn: what is claimed would run out of its lease.
LONGEST_WAIT = 10 * SECOND
# A turn that was not taken in time is let go: taken late, it could fall together with the next ones.
STALE = SECOND
# How long what the ledger says is believed, where nothing is counted.
BELIEVED = SECOND // 10
DAY_NOTED = 5 * SECOND


class Limiter:
    """The limits of all systems; their `rates` may be changed at any time.

    `made`: how many calls this process has made to each, reads and writes.
    """

    def __init__(self, db: Database, clock: Clock, rates: dict[str, Rate], observer: Observer = UNOBSERVED) -> None:
        self.db, self.clock, self.rates, self.observer = db, clock, rates, observer
        self.made = Counter[str]()
        self._asked_at: dict[str, int] = {}
        self._replays: dict[str, bool] = {}

    def gate(self, system: str) -> "SystemGate":
        """Return what every call to a system passes."""
        return SystemGate(self, system)

    async def replays(self, system: str) -> bool:
        """Whether the day leaves room for replays; asked of the ledger once in a second."""
        now = self.clock()
        if now - self._asked_at.get(system, 0) >= SECOND:
            async with self.db.read() as sql:
                limit = await limits.read(sql, system)
            self._replays[system] = self.rates[system].replays(limit.today(now), limit.allowance, limit.left)
            self._asked_at[system] = now
        return self._replays[system]


class SystemGate:
    """The gate of one system, for this process."""

    def __init__(self, limiter: Limiter, system: str) -> None:
        self._limiter, self._system = limiter, system
        self._turn = asyncio.Lock()
        self._turns: deque[int] = deque()
        self._limit = limits.Limit()
        self._read_at = 0
        self._made = False
        self._day_noted_at = 0

    async def enter(self) -> None:
        """Wait until the next call may go out; raise SystemUnavailable if that is too long to wait for."""
        async with self._turn:
            try:
                await self._wait(await self._next())
            except LedgerUnavailable as exc:
                raise SystemUnavailable(f"the limits of {self._system} are not known: {exc}") from exc
            self._limiter.made[self._system] += 1

    async def _wait(self, at: int) -> None:
        """Wait for a turn, and for what the system asks of anybody meanwhile."""
        while (wait := max(at, self._limit.held_until) - self._limiter.clock()) > 0:
            if wait > LONGEST_WAIT:
                raise SystemUnavailable(
                    f"{self._system} wants no call for another {wait / SECOND:.0f} s", retry_after=wait / SECOND
                )
            await asyncio.sleep(wait / SECOND)
            await self._believe(self._limiter.clock())

    async def _next(self) -> int:
        """Return when the next call may go out."""
        rate, now = self._limiter.rates[self._system], self._limiter.clock()
        while self._turns and self._turns[0] < now - STALE:
            self._turns.popleft()
        await self._believe(now)
        if rate.interval == 0 and rate.daily is None:
            return now
        if not self._turns:
            await self._reserve(rate, now)
        return self._turns.popleft()

    async def _believe(self, now: int) -> None:
        if now - self._read_at >= BELIEVED:
            await self._read(now)

    async def _read(self, now: int) -> None:
        async with self._limiter.db.read() as sql:
            self._limit = await limits.read(sql, self._system)
        self._read_at = now

    async def _reserve(self, rate: Rate, now: int) -> None:
        step = rate.interval << slowed(self._limit.slowed, self._limit.slowed_at, now)
        async with self._limiter.db.write() as sql:
            if not self._made:
                await limits.make(sql, self._system)
            first = await limits.reserve(sql, self._system, step, rate.portion, rate.burst, now)
        self._made = True
        self._turns.extend(first + number * step for number in range(rate.portion))

    async def told(self, told: Told) -> None:
        """Take in what an answer says of the limits."""
        now = self._limiter.clock()
        new_day = told.allowance is not None and now - self._day_noted_at >= DAY_NOTED
        if told.wait is None and not new_day:
            return
        try:
            await self._note(told, now)
        except LedgerUnavailable as exc:  # the answer itself matters more than what it says of the next one
            log.warning("limits.not_noted", system=self._system, error=str(exc))

    def called(self, call: Call) -> None:
        """Let a request be seen that wrote nothing; writes are seen with their outcomes, where they are settled."""
        if not call.positions:
            self._limiter.observer.read(self._system, call)

    async def _note(self, told: Told, now: int) -> None:
        async with self._limiter.db.write() as sql:
            if told.wait is not None:
                await limits.complained(sql, self._system, now + round(told.wait * SECOND), now)
            if told.allowance is not None and told.left is not None:
                await limits.note_day(sql, self._system, told.allowance, told.left)
                self._day_noted_at = now
        if told.wait is not None:
            await self._read(now)
