"""Looks for troubles and keeps the alerts: one row when a trouble begins, ended when it is over, told of by others."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sync_system.errors import BrokerUnavailable
from sync_system.ledger import alerts, causes, counters, destinations, leases, queues
from sync_system.ledger.alerts import Alert
from sync_system.ledger.database import Database, Sql
from sync_system.messaging.topology import Topology
from sync_system.services.clock import Clock
from sync_system.services.failures import Advice
from sync_system.services.status import queues_status
from sync_system.services.troubles import (
    CAUSE,
    UNREAD,
    Thresholds,
    Trouble,
    kept,
    of_causes,
    of_conditions,
    of_queues,
    of_waiting,
)

SECOND = 1_000_000
LEASE = "alerts"
# So long another process waits before it takes over from one that is gone.
LEASE_TIME = 6 * SECOND
QUEUES_EVERY = 5 * SECOND
UNREAD_FOR = 15 * SECOND


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: the keys of alerts that began, and of those that are over."""

    begun: Collection[str] = ()
    over: Collection[str] = ()


class Alerting:
    """Keeps the alerts of an installation. `channels`: the names of those who are told."""

    def __init__(
        self,
        db: Database,
        broker: tuple[str, Topology],
        systems: Collection[str],
        advice: Advice,
        thresholds: Thresholds,
        channels: Collection[str],
        clock: Clock,
    ) -> None:
        self.db, self.broker, self.systems, self.advice = db, broker, sorted(systems), advice
        self.thresholds, self.channels, self.clock = thresholds, channels, clock
        self._unread_since: dict[str, int] = {}
        self._unread: list[Trouble] | None = []
        self._queues_at = 0

    async def lead(self, owner: str) -> bool:
        """Take or keep the lead, which one process has at a time."""
        now = self.clock()
        async with self.db.write() as sql:
            return await leases.hold(sql, LEASE, owner, now, now + LEASE_TIME)

    async def leave(self, owner: str) -> None:
        """Let another process take the lead at once."""
        async with self.db.write() as sql:
            await leases.release(sql, LEASE, owner)

    async def look(self) -> Looked:
        """Compare what is wrong now with the alerts that are open; raise LedgerUnavailable."""
        unread, now = await self._unread_queues(), self.clock()
        async with self.db.read() as sql:
            open_alerts = {one.key: one for one in await alerts.opened(sql)}
            troubles = {one.key: one for one in [*await self._in_ledger(sql, open_alerts, now), *(unread or ())]}
            for key, alert in open_alerts.items():
                if key not in troubles and await self._undecided(sql, alert, unread is None):
                    troubles[key] = kept(alert)
        begun = [one for key, one in troubles.items() if key not in open_alerts]
        over = [one for key, one in open_alerts.items() if key not in troubles]
        if begun or over:
            await self._write(begun, over, now)
        return Looked([one.key for one in begun], [one.key for one in over])

    async def _in_ledger(self, sql: Sql, known: Mapping[str, Alert], now: int) -> list[Trouble]:
        conditions = await destinations.read(sql)
        down = [name for name, condition in conditions.items() if condition.breaker.is_open]
        oldest = await queues.oldest_in_line(sql, self.systems)
        return [
            *of_causes(await causes.listed(sql), down, self.advice, known),
            *of_conditions(conditions, now, self.thresholds.down_for),
            *of_waiting(oldest, now, self.thresholds.older_than),
        ]

    async def _undecided(self, sql: Sql, alert: Alert, broker_away: bool) -> bool:
        """Whether nobody knows yet if an alert is over: what failed is being tried again, or the broker is silent."""
        if alert.kind == CAUSE and alert.destination and alert.facts.fingerprint:
            return await alerts.still_tried(sql, alert.destination, alert.facts.fingerprint)
        return alert.kind == UNREAD and broker_away

    async def _unread_queues(self) -> list[Trouble] | None:
        """Return the event queues that nobody reads, asked now and then; None while the broker does not answer."""
        now = self.clock()
        if now - self._queues_at >= QUEUES_EVERY:
            self._queues_at = now
            try:
                queues = await queues_status(*self.broker)
            except BrokerUnavailable:
                self._unread = None
            else:
                self._unread = list(of_queues(queues, self._unread_since, now, UNREAD_FOR))
        return self._unread

    async def _write(self, begun: Collection[Trouble], over: Collection[Alert], now: int) -> None:
        silent = not self.channels
        async with self.db.write() as sql:
            await alerts.end(sql, [one.id for one in over], now, told=silent)
            await alerts.begin(sql, [_row(one, now, told=silent) for one in begun])

    async def fold(self) -> int:
        """Fold the counts of past days; return how many rows became fewer."""
        async with self.db.write() as sql:
            return await counters.fold(sql, self.clock())


def _row(trouble: Trouble, now: int, *, told: bool) -> dict[str, Any]:
    return {
        "key": trouble.key, "kind": trouble.kind, "destination": trouble.destination, "text": trouble.text,
        "facts": asdict(trouble.facts), "raised_at": now, "told_at": now if told else None,
    }  # fmt: skip
