"""Looks inside the processing slot: what a row holds now, or whether it is there at all, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_system.connectors.protocol import Connector, Lookup, Row
from sync_system.domain.breaker import Heard
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.decisions import Report, looked
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import ConnectorError, InvalidEvent, SystemUnavailable
from sync_system.ledger import identity, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import Dossier, load, store
from sync_system.ledger.transactions import Plan, Settled
from sync_system.services.claiming import Claim, Work, close, failure, handed_back, prepare
from sync_system.services.clock import Clock
from sync_system.services.health import Health, heard_failing
from sync_system.services.planning import plan_record
from sync_system.services.reading import read_values

ROUNDS = 3


@dataclass(slots=True)
class Found:
    """The rows that a look found: by their id, by our key, by the match value searched for."""

    by_id: dict[str, Row] = field(default_factory=dict)
    by_key: dict[str, Row] = field(default_factory=dict)
    by_match: dict[str, list[Row]] = field(default_factory=dict)

    def of(self, work: Work) -> list[Row]:
        """Return the rows that may be a record's, the surest first."""
        if work.external_id is not None:
            row = self.by_id.get(work.external_id)
            return [row] if row is not None and not row.deleted else []
        if work.record in self.by_key:
            return [self.by_key[work.record]]
        return self.by_match.get(work.search[1], []) if work.search else []


class Looking:
    """Looks for claims."""

    def __init__(self, db: Database, catalog: Catalog, health: Health, clock: Clock) -> None:
        self.db, self.catalog, self.health, self.clock = db, catalog, health, clock

    async def look(self, connector: Connector, claim: Claim) -> None:
        """Read the rows of `claim.to_look`; each ends in `to_send` or is settled.

        What was reported while the look was under way is looked at again; after three rounds it goes back to pending.
        """
        for _ in range(ROUNDS):
            if not claim.to_look or self.clock() >= claim.until:
                break
            now = self.clock()
            try:
                found = await self._read(connector, claim)
            except ConnectorError as exc:
                await self._give_up(claim, exc)
                return
            await self._take_in(claim, found, now)
        await self._hand_back(claim)

    async def _read(self, connector: Connector, claim: Claim) -> Found:
        route = self.catalog.routes[claim.object][claim.destination]
        work = list(claim.to_look.values())
        ids = [w.external_id for w in work if w.external_id is not None]
        keys = [w.record for w in work if w.external_id is None] if "keys" in route.lookups else []
        found = Found()
        for row in await self._rows(connector, claim.object, [Lookup(ids=part) for part in parts(ids, route)]):
            found.by_id[row.external_id] = row
        for row in await self._rows(connector, claim.object, [Lookup(keys=part) for part in parts(keys, route)]):
            if row.key is not None and not row.deleted:
                found.by_key[row.key] = row
        await self._search(connector, claim, route, work, found)
        return found

    async def _search(
        self, connector: Connector, claim: Claim, route: Route, work: Sequence[Work], found: Found
    ) -> None:
        wanted: dict[str, set[str]] = {}
        for w in work:
            if w.external_id is None and w.search is not None and w.record not in found.by_key:
                wanted.setdefault(w.search[0], set()).add(w.search[1])
        for name, values in wanted.items():
            rule = route.rules.fields[name]
            lookups = [Lookup(matches={rule.name: part}) for part in parts(sorted(values), route)]
            for row in await self._rows(connector, claim.object, lookups):
                value = rule.read(row.values.get(rule.name), self.catalog.objects[claim.object].default_region)
                if not row.deleted:
                    found.by_match.setdefault(str(rule.from_system(value, None)), []).append(row)

    @staticmethod
    async def _rows(connector: Connector, object: str, lookups: Sequence[Lookup]) -> list[Row]:
        return [row for lookup in lookups for row in await connector.lookup(object, lookup)]

    async def _take_in(self, claim: Claim, found: Found, began_at: int) -> None:
        """Take in what was read, and decide again what is to be written."""
        work, claim.to_look, claim.plan = claim.to_look, {}, Plan()
        now = self.clock()
        async with self.db.write() as sql:
            dossiers = await load(sql, work, self.catalog.rules[claim.object])
            ids = {row.external_id for w in work.values() for row in found.of(w)}
            owners = await identity.linked(sql, claim.destination, claim.object, ids)
            settled_before = len(claim.closed)
            for record, w in work.items():
                if record in dossiers and self._is_ours(claim, dossiers[record], w):
                    self._take_in_one(claim, dossiers[record], w, found.of(w), owners, began_at)
            await self._store(sql, claim, dossiers, settled_before, now)

    @staticmethod
    def _is_ours(claim: Claim, dossier: Dossier, work: Work) -> bool:
        """Whether this claim still owns the transaction; whoever lost its lease settles nothing."""
        processing = dossier.processing.get(claim.destination)
        return processing is not None and (processing.id, processing.token) == (work.transaction.id, claim.token)

    async def _store(
        self, sql: Sql, claim: Claim, dossiers: Mapping[str, Dossier], settled_before: int, now: int
    ) -> None:
        tally = Tally()
        await store(sql, dossiers.values(), self.catalog.rules[claim.object], now)
        await transactions.intend(sql, claim.token, claim.intended())
        await transactions.apply(sql, claim.plan, tally, now)
        await transactions.settle(sql, claim.closed[settled_before:], tally, now)
        await tally.store(sql, now)

    def _take_in_one(
        self,
        claim: Claim,
        dossier: Dossier,
        work: Work,
        rows: Sequence[Row],
        owners: Mapping[str, str],
        began_at: int,
    ) -> None:
        link = dossier.links.get(claim.destination)
        if link is not None and (link.revision != work.revision or link.external_id != work.external_id):
            work.revision, work.external_id = link.revision, link.external_id
            claim.to_look[work.record] = work
            return
        now = self.clock()
        if reason := doubtful(rows, owners, work.record):
            self._doubt(claim, dossier, work, "duplicate", reason)
            return
        try:
            report = self._report(claim, rows[0], began_at) if rows else None
        except InvalidEvent as exc:
            message = f"the row {rows[0].external_id} cannot be read: {exc}"
            self._doubt(claim, dossier, work, "unreadable", message)
            return
        self._apply(claim, dossier, work, report, now)

    def _apply(self, claim: Claim, dossier: Dossier, work: Work, report: Report | None, now: int) -> None:
        if report is not None or claim.destination in dossier.links:
            link = dossier.link(claim.destination)
            if report is not None:
                link.external_id = report.external_id
            rules = self.catalog.rules[claim.object][claim.destination]
            receipts = looked(dossier.record, link, rules, report, self.catalog.ranks, now)
            if any(r.changed or r.kept is not None for r in receipts):
                dossier.changed = True
                plan_record(self.catalog, dossier, claim.plan, f"look {work.transaction.id}", now)
        prepare(self.catalog, claim, dossier, work, now, looked=True)

    def _report(self, claim: Claim, row: Row, began_at: int) -> Report:
        route = self.catalog.routes[claim.object][claim.destination]
        region = self.catalog.objects[claim.object].default_region
        at = began_at if row.at is None else row.at
        return Report(row.external_id, at, began_at, read_values(route, row.values, region), etag=row.etag)

    def _doubt(self, claim: Claim, dossier: Dossier, work: Work, code: str, message: str) -> None:
        """Park what a person must look at first."""
        kind = OutcomeClass.REJECTED
        close(claim, dossier, failure(claim, work, kind, self.clock(), code=code, status=None, message=message))

    async def _give_up(self, claim: Claim, exc: ConnectorError) -> None:
        """The rows could not be read: nothing is written, and they are as they were."""
        outcome = OutcomeClass.UNAVAILABLE if isinstance(exc, SystemUnavailable) else OutcomeClass.RETRY
        now, message = self.clock(), f"look: {exc}"
        await self._settle(
            claim,
            {
                record: failure(claim, w, outcome, now, code=exc.code, status=exc.status, message=message)
                for record, w in claim.to_look.items()
            },
            heard_failing(exc) if isinstance(exc, SystemUnavailable) else None,
        )

    async def _hand_back(self, claim: Claim) -> None:
        """Reports keep coming in: let them settle first."""
        await self._settle(claim, {record: handed_back(claim, w) for record, w in claim.to_look.items()})

    async def _settle(self, claim: Claim, settled: Mapping[str, Settled], heard: Heard | None = None) -> None:
        claim.to_look.clear()
        if not settled:
            return
        now, before = self.clock(), len(claim.closed)
        async with self.db.write() as sql:
            tally, claim.plan = Tally(), Plan()
            rules, systems = self.catalog.rules[claim.object], [claim.destination]
            dossiers = await load(sql, settled, rules, systems=systems)
            ours = await transactions.still_ours(sql, [s.id for s in settled.values()], claim.token)
            for record, s in settled.items():
                if s.id in ours and record in dossiers:
                    close(claim, dossiers[record], s)
            await transactions.apply(sql, claim.plan, tally, now)
            await transactions.settle(sql, claim.closed[before:], tally, now)
            if heard is not None:
                await self.health.hear(sql, claim.destination, heard, probe=bool(claim.probe))
            await tally.store(sql, now)


def doubtful(rows: Sequence[Row], owners: Mapping[str, str], record: str) -> str | None:
    """Return why a record must not be written while these rows are there, None if nothing speaks against it."""
    foreign = [row.external_id for row in rows if owners.get(row.external_id, record) != record]
    if foreign:
        return f"probable duplicate: row {foreign[0]} with the same match value belongs to another record"
    if len(rows) > 1:
        ids = ", ".join(row.external_id for row in rows[:5])
        return f"probable duplicate: several rows have its match value: {ids}"
    return None


def parts(values: Sequence[str], route: Route) -> list[Sequence[str]]:
    """Cut values into lookups of the size that the system takes."""
    size = route.lookup_batch
    return [values[i : i + size] for i in range(0, len(values), size)]
