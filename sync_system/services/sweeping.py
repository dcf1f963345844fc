"""What nobody else brings to an end: claims whose worker is gone, failures that their queue has not heard of."""

import orjson

from sync_system.domain import decisions
from sync_system.domain.catalog import Catalog
from sync_system.domain.fingerprint import fingerprint
from sync_system.domain.transactions import expire
from sync_system.ledger import transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database
from sync_system.ledger.dossiers import Dossier, load, store
from sync_system.ledger.transactions import Plan, Settled
from sync_system.messaging.broker import Outgoing, Publisher
from sync_system.messaging.topology import failed_queue
from sync_system.services.claiming import with_twin
from sync_system.services.clock import Clock

BATCH = 500
DAY = 86_400_000_000
EXPIRED = "expired"
UNFINISHED = "the worker that had claimed it did not finish in time"


class Sweeping:
    """Returns expired claims and announces failures."""

    def __init__(self, db: Database, catalog: Catalog, publisher: Publisher, clock: Clock) -> None:
        self.db, self.catalog, self.publisher, self.clock = db, catalog, publisher, clock

    async def return_expired(self) -> int:
        """Give back what a worker claimed and did not finish; its writes may or may not have been done."""
        now = self.clock()
        async with self.db.read() as sql:
            expired = await transactions.expired(sql, now, BATCH)
        if not expired:
            return 0
        async with self.db.write() as sql:
            tally, plan = Tally(), Plan()
            ids = {record for _, record, _, _ in expired}
            for object, rules in self.catalog.rules.items():
                dossiers = {r: d for r, d in (await load(sql, ids, rules)).items() if d.record.object == object}
                settled = [
                    made
                    for id, record, destination, token in expired
                    if record in dossiers
                    and (made := self._return(dossiers[record], id, destination, token, plan, now))
                ]
                await store(sql, dossiers.values(), rules, now)
                await transactions.apply(sql, plan, tally, now)
                await transactions.settle(sql, settled, tally, now)
            await tally.store(sql, now)
        return len(expired)

    @staticmethod
    def _return(dossier: Dossier, id: int, destination: str, token: int, plan: Plan, now: int) -> Settled | None:
        processing = dossier.processing.get(destination)
        if processing is None or processing.id != id or processing.token != token:
            return None
        if processing.intent is not None:
            decisions.left_open(dossier.link(destination), processing.intent)
            del dossier.processing[destination]
        made = expire(processing.standing, now)
        settled = Settled(
            id, destination, made.state, made.standing, token, processing.trigger, EXPIRED, made.charged, code=EXPIRED,
            message=UNFINISHED, fingerprint=fingerprint(EXPIRED, EXPIRED, dossier.record.object, UNFINISHED),
            digest=processing.digest,
        )  # fmt: skip
        return with_twin(dossier, settled, plan)

    async def forget(self) -> int:
        """Forget what nobody needs any more: the intents of claims that came to their end a day ago; return how many."""
        async with self.db.write() as sql:
            return await transactions.forget_intents(sql, self.clock() - DAY)

    async def announce_failed(self) -> int:
        """Tell the failed queues of transactions that they have not heard of; return how many.

        The message holds ids and counts, no lead data; the ledger decides what happens to it.
        """
        total = 0
        while True:
            async with self.db.read() as sql:
                found = await transactions.unannounced(sql, BATCH)
            if not found:
                return total
            await self.publisher.publish([announcement(*one) for one in found])
            async with self.db.write() as sql:
                await transactions.announce(sql, [id for id, _, _ in found], self.clock())
            total += len(found)


def announcement(id: int, destination: str, attempts: int) -> Outgoing:
    """Return the message that stands for a failed transaction."""
    body = orjson.dumps({"transaction": id, "attempts": attempts})
    return Outgoing("", failed_queue(destination), body, message_id=f"{id}-{attempts}")
