"""Deletes that are carried on: only where the configuration asks for it, and never many at once without a person."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from sync_system.connectors.protocol import Connector, Delivered, Outcome
from sync_system.domain.catalog import Catalog
from sync_system.domain.outcomes import OutcomeClass
from sync_system.domain.transactions import Standing, State
from sync_system.ledger import transactions
from sync_system.ledger.counters import HOUR, MINUTE, MINUTES, Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import Dossier, load, store
from sync_system.ledger.tables import attempts, counters
from sync_system.ledger.transactions import Plan, Settled
from sync_system.services.claiming import Claim, Work, attempt_row, close, failure
from sync_system.services.clock import Clock
from sync_system.services.health import Health, heard_in
from sync_system.services.observing import UNOBSERVED, Observer, Timed


class Deleting:
    """Deletes rows of records that were deleted elsewhere."""

    def __init__(
        self, db: Database, catalog: Catalog, health: Health, clock: Clock, observer: Observer = UNOBSERVED
    ) -> None:
        self.db, self.catalog, self.health, self.clock, self.observer = db, catalog, health, clock, observer

    async def delete(self, connector: Connector, claim: Claim) -> None:
        """Delete the rows of `claim.to_delete`, as many as the hour allows; the others are parked."""
        work = list(claim.to_delete.values())
        async with self.db.read() as sql:
            left = await self._left(sql, claim)
        began_at = self.clock()
        delivered = await self._call(connector, claim, work[:left])
        self.observer.sent(claim, work, delivered, Timed(began_at, self.clock()))
        excess = Outcome(OutcomeClass.REJECTED, code="governor", message=self._too_many(claim))
        await self._settle(
            claim, work, [*delivered.outcomes, *[excess] * (len(work) - len(delivered.outcomes))], delivered
        )

    async def _left(self, sql: Sql, claim: Claim) -> int:
        c = counters.c
        since = self.clock() // MINUTE - HOUR
        query = select(func.coalesce(func.sum(c.count), 0)).where(
            c.span == MINUTES, c.minute >= since, c.name == "deleted", c.system == claim.destination
        )
        done = int((await sql.execute(query)).scalar_one())
        return max(self.catalog.objects[claim.object].deletes_per_hour - done, 0)

    def _too_many(self, claim: Claim) -> str:
        limit = self.catalog.objects[claim.object].deletes_per_hour
        return f"more than {limit} deletes in an hour: a person must let this one pass"

    @staticmethod
    async def _call(connector: Connector, claim: Claim, work: Sequence[Work]) -> Delivered:
        ids = [w.external_id for w in work if w.external_id is not None]
        return await connector.delete(claim.object, ids) if ids else Delivered([])

    async def _settle(
        self, claim: Claim, work: Sequence[Work], outcomes: Sequence[Outcome], delivered: Delivered
    ) -> None:
        now, before = self.clock(), len(claim.closed)
        async with self.db.write() as sql:
            tally, claim.plan = Tally(), Plan()
            rules = self.catalog.rules[claim.object]
            dossiers = await load(sql, [w.record for w in work], rules, systems=[claim.destination])
            ours = await transactions.still_ours(sql, [w.transaction.id for w in work], claim.token)
            if delivered.outcomes:
                heard = heard_in([w.record for w in work], delivered)
                claim.charged = await self.health.hear(sql, claim.destination, heard, probe=bool(claim.probe))
            for w, outcome in zip(work, outcomes, strict=True):
                if w.transaction.id in ours and w.record in dossiers:
                    settle_one(claim, dossiers[w.record], w, outcome, now)
            await store(sql, dossiers.values(), rules, now)
            await transactions.apply(sql, claim.plan, tally, now)
            await transactions.settle(sql, claim.closed[before:], tally, now)
            if delivered.calls:
                await sql.execute(insert(attempts), [attempt_row(claim, call) for call in delivered.calls])
            gone = sum(s.state is State.SUCCEEDED for s in claim.closed[before:])
            tally.add("deleted", claim.destination, count=gone)
            await tally.store(sql, now)


def settle_one(claim: Claim, dossier: Dossier, work: Work, outcome: Outcome, now: int) -> None:
    """Settle one delete: its link becomes a tombstone, or the transaction goes the way of every failure."""
    if outcome.outcome is not OutcomeClass.OK:
        made = failure(
            claim, work, outcome.outcome, now, code=outcome.code, status=outcome.status, message=outcome.message
        )
        close(claim, dossier, made)
        return
    link = dossier.link(claim.destination)
    link.deleted_at, link.revision = outcome.at or now, link.revision + 1
    close(
        claim,
        dossier,
        Settled(
            work.transaction.id, claim.destination, State.SUCCEEDED, Standing(), claim.token,
            work.transaction.trigger, outcome.outcome, status=outcome.status,
        ),
    )  # fmt: skip
