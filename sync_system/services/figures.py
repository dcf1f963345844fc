"""The figures of the installation as a whole, from the ledger and the broker: the same whichever process is asked."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_system.domain.pace import Rate
from sync_system.errors import BrokerUnavailable, LedgerUnavailable
from sync_system.ledger import alerts, counters, destinations, limits, queues, rejected, reports, rounds
from sync_system.ledger.database import Database
from sync_system.ledger.destinations import Condition
from sync_system.ledger.limits import Limit
from sync_system.ledger.rounds import Round
from sync_system.messaging.topology import Topology
from sync_system.services.clock import Clock
from sync_system.services.status import QueueStatus, queues_status

# Whoever asks oftener gets what was read last.
FRESH = 2_000_000
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows, at a time in microseconds. `totals`: by (name, system, value), since the beginning."""

    at: int
    totals: Mapping[tuple[str, str, str], int]
    oldest: Mapping[str, int]
    looks: Mapping[str, tuple[int, int]]
    held: Mapping[str, int]
    rejected: Mapping[str, int]
    conditions: Mapping[str, Condition]
    limits: Mapping[str, Limit]
    alerts: Mapping[str, int]
    rounds: Sequence[Round] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. None: the ledger, or the broker, does not answer."""

    known: Known | None = None
    queues: Sequence[QueueStatus] | None = None
    rates: Mapping[str, Rate] = field(default_factory=dict)


class Figures:
    """Reads the figures; `rates` are the limits of each system, of which there is one for each."""

    def __init__(
        self, db: Database, broker_url: str, topology: Topology, rates: Mapping[str, Rate], clock: Clock
    ) -> None:
        self.db, self.broker_url, self.topology, self.rates, self.clock = db, broker_url, topology, rates, clock
        self._turn, self._seen, self._read_at = asyncio.Lock(), Seen(), 0

    async def read(self) -> Seen:
        """Return the figures, at most two seconds old."""
        async with self._turn:
            if self.clock() - self._read_at > FRESH:
                known, queues = await asyncio.gather(self._known(), self._queues())
                self._seen, self._read_at = Seen(known, queues, dict(self.rates)), self.clock()
            return self._seen

    async def _known(self) -> Known | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.db.read() as sql:
                now = self.clock()
                return Known(
                    at=now,
                    totals=await counters.totals(sql),
                    oldest=await queues.oldest_in_line(sql, sorted(self.rates)),
                    looks=await reports.asked_looks(sql, now),
                    held=await reports.undecided(sql),
                    rejected=await rejected.waiting(sql),
                    conditions=await destinations.read(sql),
                    limits=await limits.read_all(sql),
                    alerts=await alerts.open_by_kind(sql),
                    rounds=await rounds.read(sql),
                )
        except (LedgerUnavailable, TimeoutError):
            return None

    async def _queues(self) -> Sequence[QueueStatus] | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await queues_status(self.broker_url, self.topology)
        except (BrokerUnavailable, TimeoutError):
            return None
