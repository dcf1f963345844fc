"""Repairs from the ledger what a lost broker, a killed service or a crash has left behind, and tells what it was."""

from collections.abc import Collection
from dataclasses import dataclass

from sync_system.errors import BrokerUnavailable
from sync_system.ledger import rejected, transactions
from sync_system.ledger.database import Database
from sync_system.messaging.broker import BROKEN, connect, describe
from sync_system.messaging.topology import REJECTED, Topology, failed_queue
from sync_system.services.health import Health
from sync_system.services.ingest import pointer
from sync_system.services.sweeping import Sweeping

BATCH = 500


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was repaired.

    `queues`: declared, or found as they should be. `announced`: failed transactions that their queue has heard of again.
    `pointers`: rejected messages that are listed again. `returned`: claims whose worker was gone. `given_back`: charges
    for an outage.
    """

    queues: int
    announced: int
    pointers: int
    returned: int
    given_back: int


class Recovering:
    """Puts the broker right by what the ledger remembers."""

    def __init__(
        self, db: Database, url: str, topology: Topology, systems: Collection[str], sweeping: Sweeping, health: Health
    ) -> None:
        self.db, self.url, self.topology, self.systems = db, url, topology, systems
        self.sweeping, self.health, self.publisher = sweeping, health, sweeping.publisher

    async def recover(self) -> Recovered:
        """Repair everything that can be; repeating it does no harm."""
        await self._empty()
        returned = await self.sweeping.return_expired()
        given_back = await self.health.give_back()
        async with self.db.write() as sql:
            await transactions.forget_announcements(sql)
        announced = await self.sweeping.announce_failed()
        return Recovered(len(self.topology.queues), announced, await self._point(), returned, given_back)

    async def _empty(self) -> None:
        """Declare everything, and empty the queues whose messages only point into the ledger: they are written anew."""
        connection = await connect(self.url, self.topology)
        try:
            channel = await connection.channel()
            pointing = {REJECTED, *(failed_queue(system) for system in self.systems)}
            for name in pointing:
                await (await channel.get_queue(name, ensure=False)).purge()
        except BROKEN as exc:
            raise BrokerUnavailable(f"RabbitMQ does not let its queues be emptied: {describe(exc)}") from exc
        finally:
            await connection.close()

    async def _point(self) -> int:
        """List every rejected message again that nobody has dealt with."""
        total, after = 0, ""
        while True:
            async with self.db.read() as sql:
                page = await rejected.listed(sql, after, BATCH)
            if not page:
                return total
            await self.publisher.publish([pointer(id, system, reason) for id, system, reason in page])
            total, after = total + len(page), page[-1][0]
