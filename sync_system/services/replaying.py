"""Failures come back on their schedule: pending while attempts are left, parked when they are spent."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sync_system.domain.transactions import ReplayPolicy, Standing, State, Trigger, replay
from sync_system.ledger import destinations, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock
from sync_system.services.observing import UNOBSERVED, Observer, Timed

# So many failures of one cause are not tried again all at once.
MANY = 50


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many failed transactions went back to pending, and how many were parked.

    `many`: the causes that too many failed for to be tried all at once.
    """

    pending: int
    parked: int
    many: AbstractSet[str] = frozenset()


class Replaying:
    """Moves failed transactions at the ticks of their destination's schedule."""

    def __init__(
        self, db: Database, policies: Mapping[str, ReplayPolicy], clock: Clock, observer: Observer = UNOBSERVED
    ) -> None:
        self.db, self.policies, self.clock, self.observer = db, policies, clock, observer

    async def replay(
        self,
        destination: str,
        ids: Collection[int] | None = None,
        trigger: Trigger = Trigger.SCHEDULE,
        *,
        before: int | None = None,
    ) -> Replayed:
        """Replay these transactions, all of the destination's if None; ones that are not failed any more are left.

        What has not failed `before` a moment is left for the next replay, and announced again. On schedule, what many
        have failed for is left as well: a canary goes first.
        """
        now, policy = self.clock(), self.policies[destination]
        async with self.db.write() as sql:
            tally = Tally()
            groups: dict[State, list[int]] = {State.PENDING: [], State.PARKED: []}
            many = await transactions.many_failed(sql, destination, MANY) if trigger is Trigger.SCHEDULE else set()
            failed = await transactions.failed(sql, destination, ids)
            late = {row.id for row in failed if before is not None and row.updated_at >= before}
            await transactions.announce(sql, sorted(late), None)
            for row in (row for row in failed if row.id not in late):
                standing = Standing(row.attempts, row.at_once, row.expiries, row.failing_since)
                state = replay(standing, row.allowed, policy, now)
                if state is State.PARKED or row.fingerprint not in many:
                    groups[state].append(row.id)
            moved = {state: await transactions.move(sql, some, state, trigger, now) for state, some in groups.items()}
            for state, some in moved.items():
                tally.moved(destination, State.FAILED, state, len(some))
                tally.add("replayed" if state is State.PENDING else "gave_up", destination, count=len(some))
            await tally.store(sql, now)
        gone = {id for some in moved.values() for id in some}
        records = [row.record for row in failed if row.id in gone]
        self.observer.replayed(destination, str(trigger), records, Timed(now, self.clock()))
        return Replayed(len(moved[State.PENDING]), len(moved[State.PARKED]), many)

    async def recover(self, destination: str) -> Replayed:
        """Replay what failed because of an outage, once it is over; nothing if the destination's policy is not to."""
        async with self.db.read() as sql:  # asked every second, and nearly always there is none
            if not await destinations.recovery_due(sql, destination):
                return Replayed(0, 0)
        async with self.db.write() as sql:
            since = await destinations.take_recovery(sql, destination)
        if since is None or not self.policies[destination].on_recovery:
            return Replayed(0, 0)
        async with self.db.read() as sql:
            ids = await transactions.failed_since(sql, destination, since)
        return await self.replay(destination, ids, Trigger.RECOVERY)

    async def find_lost(self, destination: str, before: int) -> int:
        """Let the failed queue hear again of what it should have brought by `before` and did not; return how many."""
        async with self.db.write() as sql:
            ids = await transactions.lost_messages(sql, destination, before)
            await transactions.announce(sql, ids, None)
        return len(ids)
