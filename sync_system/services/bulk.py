"""Bulk work's turns at a destination: one batch at a time over all processes, at a share of the destination's limits.

What people do meanwhile is claimed first, and never waits for more than the batch that is under way.
"""

from sync_system.ledger import leases, queues
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock, new_id
from sync_system.services.limiting import Limiter

# How long nothing is asked for where there was no bulk work, or no turn.
IDLE = 1_000_000


class Bulk:
    """The turns of this process."""

    def __init__(self, db: Database, limiter: Limiter, clock: Clock) -> None:
        self.db, self.limiter, self.clock = db, limiter, clock
        self._owner = new_id(clock())
        self._next_at: dict[str, int] = {}
        self._taken: dict[str, tuple[int, int]] = {}  # when, and how many calls had been made before

    async def take(self, system: str, lease: int) -> bool:
        """Take the turn at a destination for so many microseconds, if there is bulk work and nobody has it."""
        now = self.clock()
        if system in self._taken or now < self._next_at.get(system, 0):
            return False
        async with self.db.read() as sql:
            waits = await queues.bulk_waits(sql, system)
        if waits and system not in self._taken:
            async with self.db.write() as sql:
                if await leases.hold(sql, _name(system), self._owner, now, now + lease):
                    self._taken[system] = now, self.limiter.made[system]
                    return True
        self._next_at[system] = now + IDLE
        return False

    async def leave(self, system: str) -> None:
        """Give the turn up; nobody has the next one before the calls that were made in it are made up for."""
        began_at, made = self._taken.pop(system)
        rest = self.limiter.rates[system].rest(self.limiter.made[system] - made)
        self._next_at[system] = until = began_at + rest
        async with self.db.write() as sql:
            await leases.hold(sql, _name(system), self._owner, self.clock(), until)


def _name(system: str) -> str:
    return f"bulk:{system}"
