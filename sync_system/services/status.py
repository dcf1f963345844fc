"""What waits where: one system after the other, in the ledger and in the broker."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sync_system.errors import BrokerUnavailable
from sync_system.ledger import alerts, destinations, limits, queues, reports, rounds
from sync_system.ledger.alerts import Alert
from sync_system.ledger.database import Database
from sync_system.ledger.destinations import Condition
from sync_system.ledger.limits import Limit
from sync_system.ledger.rounds import Round
from sync_system.messaging.broker import BROKEN, CONNECT_SECONDS, connect, describe
from sync_system.messaging.topology import Topology
from sync_system.services.clock import Clock


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """One system. `states`: transactions to it that are open, by state. Times in microseconds, None for never.

    `condition`: whether it is down or paused. `limit`: what is known of its limits. `rounds`: of reconciling, those under way and the
    last ones.
    """

    name: str
    states: dict[str, int] = field(default_factory=dict)
    oldest_pending_at: int | None = None
    looks: int = 0
    looks_due: int = 0
    held: int = 0
    last_poll_at: int | None = None
    condition: Condition = field(default_factory=Condition)
    limit: Limit = field(default_factory=Limit)
    rounds: Sequence[Round] = ()


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: messages that wait in it, and how many consumers read it."""

    name: str
    messages: int
    consumers: int


async def systems_status(db: Database, names: Iterable[str], clock: Clock) -> list[SystemStatus]:
    """Return what the ledger knows of each system; raise LedgerUnavailable."""
    async with db.read() as sql:
        counts = await queues.counts(sql)
        oldest = await queues.oldest_waiting(sql)
        looks = await reports.asked_looks(sql, clock())
        held = await reports.undecided(sql)
        polled = await reports.polled(sql)
        conditions, known = await destinations.read(sql), await limits.read_all(sql)
        drawn = await rounds.read(sql)
    return [
        SystemStatus(
            name,
            {state: count for destination, state, count in counts if destination == name},
            oldest.get(name),
            *looks.get(name, (0, 0)),
            held.get(name, 0),
            polled.get(name),
            conditions.get(name, Condition()),
            known.get(name, Limit()),
            tuple(one for one in drawn if one.system == name),
        )
        for name in names
    ]


async def open_alerts(db: Database) -> list[Alert]:
    """Return the alerts that are not over; raise LedgerUnavailable."""
    async with db.read() as sql:
        return await alerts.opened(sql)


async def queues_status(url: str, topology: Topology) -> list[QueueStatus]:
    """Return how full each queue is and who reads it; raise BrokerUnavailable."""
    connection = await connect(url, topology)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            channel = await connection.channel()
            found = []
            for queue in topology.queues:
                told = (await channel.declare_queue(queue.name, passive=True)).declaration_result
                found.append(QueueStatus(queue.name, told.message_count or 0, told.consumer_count or 0))
            return found
    except BROKEN as exc:
        raise BrokerUnavailable(f"RabbitMQ does not tell how full its queues are: {describe(exc)}") from exc
    finally:
        await connection.close()
