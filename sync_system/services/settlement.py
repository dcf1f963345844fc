"""What became of a batch, record by record, in one SQL transaction: link, record, transaction, attempt, counters."""

from collections.abc import Mapping, Sequence

from sqlalchemy import insert

from sync_system.connectors.protocol import Call, Delivered, Outcome
from sync_system.domain import decisions
from sync_system.domain.breaker import Heard
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.fields import Value
from sync_system.domain.link import Link
from sync_system.domain.observe import Receipt
from sync_system.domain.outcomes import OutcomeClass
from sync_system.domain.settle import Reply
from sync_system.domain.transactions import Standing, State
from sync_system.errors import InvalidEvent
from sync_system.ledger import held, identity, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import Dossier, load, store
from sync_system.ledger.tables import attempts
from sync_system.ledger.transactions import Plan, Settled
from sync_system.services.claiming import Claim, Work, attempt_row, failure, with_twin
from sync_system.services.clock import Clock
from sync_system.services.health import Health
from sync_system.services.planning import plan_system
from sync_system.services.reading import read_values


class Settlement:
    """Settles what was sent."""

    def __init__(self, db: Database, catalog: Catalog, health: Health, clock: Clock) -> None:
        self.db, self.catalog, self.health, self.clock = db, catalog, health, clock

    async def settle(self, claim: Claim, work: Sequence[Work], delivered: Delivered, heard: Heard) -> list[Settled]:
        """Take in the outcomes of a batch, one for each work in order, and what they say of the destination.

        Return what was settled.
        """
        async with self.db.write() as sql:
            batch = _Settling(self.catalog, sql, claim, self.clock())
            await batch.load(work, delivered.outcomes)
            claim.charged = await self.health.hear(sql, claim.destination, heard, probe=bool(claim.probe))
            for w, outcome in zip(work, delivered.outcomes, strict=True):
                batch.settle_one(w, outcome)
            await batch.store(delivered.calls)
        return batch.settled


class _Settling:
    """The outcomes of one batch on their way through one SQL transaction."""

    def __init__(self, catalog: Catalog, sql: Sql, claim: Claim, now: int) -> None:
        self.catalog, self.sql, self.claim, self.now = catalog, sql, claim, now
        self.route: Route = catalog.routes[claim.object][claim.destination]
        self.rules = catalog.rules[claim.object]
        self.region = catalog.objects[claim.object].default_region
        self.plan, self.tally = Plan(), Tally()
        self.settled: list[Settled] = []
        self.dossiers: dict[str, Dossier] = {}
        self.ours: set[int] = set()
        self.owners: dict[str, str] = {}
        self.withdrawn: list[dict[str, object]] = []
        self.spread: dict[str, int] = {}

    async def load(self, work: Sequence[Work], outcomes: Sequence[Outcome]) -> None:
        """Lock and load; other systems' links only for a record that may have changed, which is rare."""
        ids = [w.record for w in work]
        systems = [self.claim.destination]
        self.dossiers = await load(self.sql, ids, self.rules, systems=systems, intents=False)
        self.ours = {d.processing[systems[0]].id for d in self.dossiers.values() if self._is_ours(d)}
        rows = {i for o in outcomes for i in (o.external_id, o.existing_id) if i is not None}
        known = {d.links[systems[0]].external_id for d in self.dossiers.values() if systems[0] in d.links}
        self.owners = await identity.linked(self.sql, systems[0], self.claim.object, rows - known)

    def _is_ours(self, dossier: Dossier) -> bool:
        processing = dossier.processing.get(self.claim.destination)
        return processing is not None and processing.token == self.claim.token

    def settle_one(self, work: Work, outcome: Outcome) -> None:
        """Settle one record; a worker that lost its lease settles nothing."""
        dossier = self.dossiers.get(work.record)
        if dossier is None or work.transaction.id not in self.ours:
            return
        dossier.processing.pop(self.claim.destination)
        if outcome.outcome is OutcomeClass.OK:
            self._yes(dossier, work, outcome)
        else:
            self._no(dossier, work, outcome)

    def _yes(self, dossier: Dossier, work: Work, outcome: Outcome) -> None:
        link = dossier.link(self.claim.destination)
        row = outcome.external_id or link.external_id
        owner = self.owners.get(row) if row is not None else None
        if owner is not None and owner != work.record:
            message = f"probable duplicate: row {row}, which took our key, belongs to another record"
            return self._fail(dossier, work, OutcomeClass.REJECTED, outcome, message=message, code="duplicate")
        if link.external_id is not None and row != link.external_id:
            self._withdraw(row, work)
            decisions.refused(link, work.sent)
        else:
            created = link.external_id is None
            link.external_id = row
            stored = self._stored(link, work, outcome)
            reply = Reply(self.now, outcome.at, stored, outcome.etag, whole=created and outcome.created is not False)
            receipts = decisions.done(dossier.record, link, self.route.rules, work.sent, reply, self.catalog.ranks)
            link.verify = link.verify or (created and outcome.created is False)
            self._note(dossier, work, receipts)
        self._close(dossier, work, outcome)
        return None

    def _stored(self, link: Link, work: Work, outcome: Outcome) -> Mapping[str, Value]:
        """Return what the reply tells of the fields that were written, as far as it is not just what was sent."""
        if outcome.stored is None or work.write is None:
            return {}
        made = {n: x for n, x in outcome.stored.items() if n in work.write.values and x != work.write.values[n]}
        if not made:
            return {}
        try:
            return read_values(self.route, made, self.region)
        except InvalidEvent:  # the system made something of it that we cannot read: look, and say so there
            link.verify = True
            return {}

    def _note(self, dossier: Dossier, work: Work, receipts: Sequence[Receipt]) -> None:
        if any(r.changed or r.kept is not None for r in receipts):
            dossier.changed = True
            self.spread[work.record] = work.transaction.id

    def _withdraw(self, row: str | None, work: Work) -> None:
        """The record was linked to another row while our create was under way: ours goes again."""
        self.withdrawn.append(
            {
                "external_id": row, "system": self.claim.destination, "object": self.claim.object,
                "candidates": [work.record], "reason": "made while the record was linked to another row",
                "payload": work.sent.diff, "decision": "withdraw", "created_at": self.now, "updated_at": self.now,
            }
        )  # fmt: skip

    def _close(self, dossier: Dossier, work: Work, outcome: Outcome) -> None:
        destination = self.claim.destination
        self.settled.append(
            Settled(
                work.transaction.id, destination, State.SUCCEEDED, Standing(), self.claim.token,
                work.transaction.trigger, outcome.outcome, status=outcome.status, code=outcome.code,
                message=outcome.message,
            )
        )  # fmt: skip
        plan_system(self.catalog, dossier, destination, self.plan, f"after {work.transaction.id}", self.now)

    def _no(self, dossier: Dossier, work: Work, outcome: Outcome) -> None:
        known = dossier.links.get(self.claim.destination)
        match outcome.outcome:
            case OutcomeClass.UNCERTAIN:
                decisions.left_open(dossier.link(self.claim.destination), work.sent)
            case OutcomeClass.CONFLICT:
                return self._conflict(dossier, work, outcome)
            case _ if known is not None:
                decisions.refused(dossier.link(self.claim.destination), work.sent)
        return self._fail(dossier, work, outcome.outcome, outcome)

    def _conflict(self, dossier: Dossier, work: Work, outcome: Outcome) -> None:
        """The row is not what we thought: adopt the one that stands in the way, unless it is another record's."""
        existing = outcome.existing_id
        if existing is not None and self.owners.get(existing, work.record) != work.record:
            message = f"probable duplicate: row {existing} stands in the way and belongs to another record"
            return self._fail(dossier, work, OutcomeClass.REJECTED, outcome, message=message, code="duplicate")
        link = dossier.link(self.claim.destination)
        if link.external_id is None and existing is not None:
            link.external_id = existing
        elif existing is not None and existing != link.external_id:
            message = f"probable duplicate: row {existing} has a value that must be unique"
            decisions.refused(link, work.sent)
            return self._fail(dossier, work, OutcomeClass.REJECTED, outcome, message=message, code="duplicate")
        decisions.conflicted(link, work.sent)
        return self._fail(dossier, work, OutcomeClass.CONFLICT, outcome)

    def _fail(
        self,
        dossier: Dossier,
        work: Work,
        kind: OutcomeClass,
        outcome: Outcome,
        *,
        message: str | None = None,
        code: str | None = None,
    ) -> None:
        made = failure(
            self.claim, work, kind, self.now,
            code=outcome.code if code is None else code, status=outcome.status, message=message or outcome.message,
        )  # fmt: skip
        self.settled.append(with_twin(dossier, made, self.plan))

    async def store(self, calls: Sequence[Call]) -> None:
        """Write everything down."""
        await self._spread()
        await store(self.sql, self.dossiers.values(), self.rules, self.now)
        await transactions.apply(self.sql, self.plan, self.tally, self.now)
        await transactions.settle(self.sql, self.settled, self.tally, self.now)
        await held.hold(self.sql, self.withdrawn)
        if calls:
            await self.sql.execute(insert(attempts), [attempt_row(self.claim, call) for call in calls])
        await self.tally.store(self.sql, self.now)

    async def _spread(self) -> None:
        """Plan for the other systems where a settlement brought an edit to light."""
        others = [s for s in self.catalog.routes[self.claim.object] if s != self.claim.destination]
        rest = await load(self.sql, self.spread, self.rules, systems=others)
        for record, transaction in self.spread.items():
            dossier = self.dossiers[record]
            dossier.links |= rest[record].links
            dossier.waiting |= rest[record].waiting
            dossier.processing |= rest[record].processing
            for system in others:
                plan_system(self.catalog, dossier, system, self.plan, f"settled {transaction}", self.now)
