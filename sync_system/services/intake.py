"""From events to plans: find each record, take the reports in by the rules, plan what the other systems lack.

One SQL transaction a batch; a batch that meets another worker's is simply taken again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from sync_system.domain.catalog import Catalog, MatchValue, known_by_own, match_values
from sync_system.domain.decisions import leave_as_is, outcome_of, take_in
from sync_system.domain.identity import Apart, Identity, New, Same, identify, identify_by_key
from sync_system.domain.observe import Receipt, Row
from sync_system.domain.record import Record
from sync_system.domain.transactions import Priority
from sync_system.ledger import events, held, identity, looks, staging, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import Dossier, load, store
from sync_system.ledger.transactions import Plan
from sync_system.services.clock import Clock, new_id
from sync_system.services.planning import plan_record
from sync_system.services.reading import Arrival

TRIES = 6
STEP_SECONDS = 0.02
# A link that has read both systems lately knows better who a row is: its reports wait until it is linked, at which they
# are looked at, or for so long until it is asked again.
READ_LATELY = 86_400_000_000
UNTIL_LINKED = 60_000_000


@dataclass(slots=True)
class Taken:
    """What a batch came to: number of events by outcome, and the systems that something is waiting for.

    `down`: what was to be taken in could not be read. `rows`: the events as they were written down.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    destinations: set[str] = field(default_factory=set)
    down: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)


Also = Callable[[Sql], Awaitable[None]]


class Intake:
    """Takes in what systems report."""

    def __init__(self, db: Database, catalog: Catalog, clock: Clock) -> None:
        self.db, self.catalog, self.clock = db, catalog, clock

    async def take(
        self,
        arrivals: Sequence[Arrival],
        also: Also | None = None,
        priority: Priority = Priority.LIVE,
        *,
        linking: bool = False,
    ) -> Taken:
        """Take in a batch, of any systems and objects; `also` runs in the same SQL transaction.

        `priority`: of what is planned for the other systems. `linking`: it comes from the run that links its rows.
        """
        for attempt in range(TRIES):
            try:
                return await self._take(arrivals, also, priority, linking=linking)
            except IntegrityError:  # another worker took in the same event or row between our look and our write
                if attempt == TRIES - 1:
                    raise
                # Workers that meet again and again, each with the other's rows, must fall out of step.
                await asyncio.sleep(random.uniform(0, STEP_SECONDS * 2**attempt))
        raise AssertionError

    async def _take(
        self, arrivals: Sequence[Arrival], also: Also | None, priority: Priority, *, linking: bool
    ) -> Taken:
        taken, now = Taken(), self.clock()
        async with self.db.write() as sql:
            tally, batches = Tally(), list[_Batch]()
            for (system, object), group in _grouped(arrivals).items():
                batch = _Batch(self.catalog, sql, system, object, tally, now)
                batch.plan.priority, batch.linking = priority, linking
                await batch.take(group)
                taken.outcomes += batch.outcomes
                taken.destinations |= batch.plan.destinations()
                taken.rows += batch.rows
                batches.append(batch)
            planned = {record for batch in batches for record in batch.reasons}
            for batch in batches:
                await batch.plan_rest(planned)
            if also is not None:
                await also(sql)
            await tally.store(sql, now)
        return taken


def _grouped(arrivals: Iterable[Arrival]) -> dict[tuple[str, str], list[Arrival]]:
    groups: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault((arrival.event.source, arrival.event.object), []).append(arrival)
    return groups


class _Batch:
    """The events of one system and object, on their way through one SQL transaction."""

    def __init__(self, catalog: Catalog, sql: Sql, system: str, object: str, tally: Tally, now: int) -> None:
        self.catalog, self.sql, self.system, self.object = catalog, sql, system, object
        self.spec, self.rules = catalog.objects[object], catalog.rules[object]
        self.tally, self.now = tally, now
        self.plan, self.outcomes = Plan(), Counter[str]()
        self.dossiers: dict[str, Dossier] = {}
        self.owner: dict[str, str] = {}  # external id to record
        self.known: dict[MatchValue, set[str]] = {}
        self.asked: dict[str, dict[str, Any]] = {}
        self.apart: dict[str, dict[str, Any]] = {}
        self.decided: dict[str, held.Standing] = {}
        self.cleared: set[str] = set()
        self.linking = False
        self.unlinked: set[str] = set()  # left to a run that has read them
        self.rows: list[dict[str, Any]] = []
        self.reasons: dict[str, list[str]] = {}
        self.left: dict[str, list[str]] = {}  # planned with another arrival, if that comes to the same record
        self.keys_before: dict[str, list[MatchValue]] = {}
        self.match_values: dict[str, list[MatchValue]] = {}  # by event id

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        fresh = await self._fresh(arrivals)
        await self._find(fresh)
        for arrival in fresh:
            self._take_one(arrival)
        await self._store()

    async def _fresh(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Drop the events that have been taken in before, and repetitions within the batch."""
        once = {a.event.id: a for a in reversed(arrivals)}
        known = await events.known(self.sql, self.system, once.keys())
        self.tally.add("repeated", self.system, count=len(arrivals) - len(once) + len(known))
        return [a for a in reversed(once.values()) if a.event.id not in known]

    async def _find(self, arrivals: Sequence[Arrival]) -> None:
        """Load every record that these reports may be about."""
        ids = {a.event.external_id for a in arrivals} | {a.event.into for a in arrivals if a.event.into}
        self.owner = await identity.linked(self.sql, self.system, self.object, ids)
        strangers = [a for a in arrivals if a.event.external_id not in self.owner and not a.report.deleted]
        keys = {a.report.key for a in strangers if a.report.key}
        wanted = set(self.owner.values()) | await identity.existing(self.sql, self.object, keys)
        if strangers:
            self.decided = await held.find(self.sql, self.system, self.object, [a.event.external_id for a in strangers])
            wanted |= await self._find_by_match(strangers)
            if not self.linking:
                rows = [a.event.external_id for a in strangers if "ids" in a.route.lookups]
                since = self.now - READ_LATELY
                self.unlinked = await staging.left_to_a_run(self.sql, self.system, self.object, rows, since)
        self.dossiers = await load(self.sql, wanted, self.rules)
        for id, dossier in self.dossiers.items():
            self.keys_before[id] = match_values(self.spec, dossier.record)
            link = dossier.links.get(self.system)
            if link is not None and link.external_id is not None:  # linked by a settlement since we asked
                self.owner[link.external_id] = id

    async def _find_by_match(self, strangers: Sequence[Arrival]) -> set[str]:
        values = {value for a in strangers if not (a.bare or a.unsure) for value in self._match_values(a)}
        await identity.serialise(self.sql, self.object, values)
        self.known = await identity.candidates(self.sql, self.object, values)
        return {record for found in self.known.values() for record in found}

    def _match_values(self, arrival: Arrival) -> list[MatchValue]:
        known = self.match_values.get(arrival.event.id)
        if known is None:
            known = known_by_own(self.spec, self.rules[self.system], arrival.report.values)
            self.match_values[arrival.event.id] = known
        return known

    def _take_one(self, arrival: Arrival) -> None:
        external_id = arrival.event.external_id
        record = self.owner.get(external_id)
        if record is None and arrival.report.deleted:
            return self._note(arrival, "stale", None, [])
        if arrival.bare or (record is None and arrival.unsure):
            return self._ask(arrival, record)
        if record is None and external_id in self.unlinked:
            return self._ask(arrival, record, later=UNTIL_LINKED)
        if record is None:
            who = self._identify(arrival)
            if isinstance(who, Apart):
                return self._hold(arrival, who)
            record = self._join(arrival, who)
        return self._observe(arrival, record)

    def _identify(self, arrival: Arrival) -> Identity:
        key, external_id = arrival.report.key, arrival.event.external_id
        standing = self.decided.get(external_id)
        if standing is not None and (standing.waits or standing.decision in {"same", "withdraw"}):
            return Apart(
                (), f"decided: {standing.decision}" if standing.decision else "it waits for a person's decision"
            )
        if standing is not None and standing.decision == "different":
            return New()
        if key in self.dossiers:
            return identify_by_key(key, self._linked([key]))
        groups = [self.known.get(value, set()) for value in self._match_values(arrival)]
        return identify(groups, self._linked({record for group in groups for record in group}))

    def _linked(self, records: Iterable[str]) -> set[str]:
        """Which of these records have another row in this system already."""
        found = set()
        for record in records:
            link = self.dossiers[record].links.get(self.system)
            if link is not None and link.external_id is not None:
                found.add(record)
        return found

    def _join(self, arrival: Arrival, who: Same | New) -> str:
        external_id = arrival.event.external_id
        if isinstance(who, New):
            record = new_id(self.now)
            self.dossiers[record] = Dossier(Record(record, self.object), new=True)
            self.tally.add("created", self.system)
        else:
            record = who.record
        link = self.dossiers[record].link(self.system)
        link.external_id = external_id
        self.owner[external_id] = record
        for value in self._match_values(arrival):
            self.known.setdefault(value, set()).add(record)
        if external_id in self.decided:
            self.cleared.add(external_id)
        return record

    def _observe(self, arrival: Arrival, record: str) -> None:
        dossier = self.dossiers[record]
        receipts = take_in(
            dossier.record, dossier.link(self.system), self.rules[self.system], arrival.report, self.catalog.ranks
        )
        dossier.changed |= any(r.changed or r.kept is not None for r in receipts)
        self.tally.add("conflicts", self.system, count=sum(r.conflict for r in receipts))
        if arrival.event.verb == "merged" and arrival.event.into:
            self._follow_merge(arrival, dossier)
        self._note_deletion(arrival, dossier)
        if arrival.as_is:
            leave_as_is(dossier.record, dossier.links.values(), self.rules, arrival.as_is)
            dossier.touched |= dossier.links.keys()
        self._note(arrival, outcome_of(receipts), record, receipts)
        (self.reasons if arrival.plans else self.left).setdefault(record, []).append(self.rows[-1]["id"])

    def _note_deletion(self, arrival: Arrival, dossier: Dossier) -> None:
        """A delete that is carried on, or the row's return after one."""
        record, report = dossier.record, arrival.report
        if not self.spec.propagates or arrival.event.verb == "merged":
            return
        if report.deleted and record.deleted_at is None and dossier.link(self.system).deleted_at is not None:
            record.deleted_at, dossier.changed = report.at, True
        elif not report.deleted and record.deleted_at is not None and report.at > record.deleted_at:
            record.deleted_at, dossier.changed = None, True

    def _follow_merge(self, arrival: Arrival, dossier: Dossier) -> None:
        """The row went into another one: the link follows it, unless that row is another record's."""
        into, link = arrival.event.into, dossier.link(self.system)
        other = self.owner.get(str(into))
        if other is None:
            link.external_id, link.deleted_at, link.verify = into, None, True
            self.owner[str(into)] = dossier.record.id
        elif other != dossier.record.id:
            self._put_apart(arrival, Apart((dossier.record.id, other), f"merged into the row {into} of another record"))

    def _ask(self, arrival: Arrival, record: str | None, later: int = 0) -> None:
        self._note(arrival, "look", record, [])
        self.asked[arrival.event.external_id] = {
            "external_id": arrival.event.external_id, "system": self.system, "object": self.object,
            "reason": self.rows[-1]["id"], "reported_at": self.now, "tries": 0, "next_at": self.now + later,
        }  # fmt: skip

    def _hold(self, arrival: Arrival, who: Apart) -> None:
        receipt = Receipt("", Row.STALE)
        self._note(arrival, "held", None, [receipt], error=who.reason)
        standing = self.decided.get(arrival.event.external_id)
        if standing is None or not standing.waits:
            self._put_apart(arrival, who)

    def _put_apart(self, arrival: Arrival, who: Apart) -> None:
        self.apart[arrival.event.external_id] = {
            "external_id": arrival.event.external_id, "system": self.system, "object": self.object,
            "candidates": list(who.candidates), "reason": who.reason, "payload": arrival.event.data,
            "created_at": self.now, "updated_at": self.now,
        }  # fmt: skip

    def _note(
        self, arrival: Arrival, outcome: str, record: str | None, receipts: Sequence[Receipt], error: str | None = None
    ) -> None:
        event = arrival.event
        self.outcomes[outcome] += 1
        self.tally.add("received", self.system, outcome)
        self.rows.append(
            {
                "id": new_id(self.now), "source": event.source, "event_id": event.id, "object": event.object,
                "verb": event.verb, "external_id": event.external_id, "at": event.at, "received_at": self.now,
                "payload": event.data, "outcome": outcome, "error": error, "record": record,
                "decisions": pack_receipts(receipts),
            }
        )  # fmt: skip

    async def _store(self) -> None:
        for record, reasons in self.reasons.items():
            plan_record(self.catalog, self.dossiers[record], self.plan, " ".join(reasons), self.now)
        await self._remember_matches()
        await store(self.sql, self.dossiers.values(), self.rules, self.now)
        await events.add(self.sql, self.rows)
        await looks.ask(self.sql, list(self.asked.values()))
        await held.hold(self.sql, list(self.apart.values()))
        undecided = {id for id in self.cleared if self.decided[id].decision is None}
        await held.release(self.sql, self.system, self.object, undecided)
        await transactions.apply(self.sql, self.plan, self.tally, self.now)

    async def plan_rest(self, planned: Collection[str]) -> None:
        """Plan for the records whose planning was left to another arrival, and that none has come to."""
        rest = self.left.keys() - planned
        plan = Plan(self.plan.priority)
        for record, dossier in (await load(self.sql, rest, self.rules)).items():
            plan_record(self.catalog, dossier, plan, " ".join(self.left[record]), self.now)
        await transactions.apply(self.sql, plan, self.tally, self.now)

    async def _remember_matches(self) -> None:
        """Note what new records are known by, and what changed for the others."""
        fresh: list[dict[str, Any]] = []
        changed: dict[str, list[MatchValue]] = {}
        for id, dossier in self.dossiers.items():
            values = match_values(self.spec, dossier.record)
            if dossier.new:
                fresh.extend({"object": self.object, "field": f, "value": v, "record": id} for f, v in values)
            elif dossier.changed and values != self.keys_before[id]:
                changed[id] = values
        await identity.remember(self.sql, fresh)
        await identity.replace(self.sql, self.object, changed)


def pack_receipts(receipts: Sequence[Receipt]) -> list[Any] | None:
    """Return receipts as they are kept: [row, fields] where nothing was compared, else [row, field, kept, lost]."""
    plain: dict[str, list[str]] = {}
    packed: list[Any] = []
    for r in receipts:
        if r.kept is None and r.lost is None:
            plain.setdefault(str(r.row), []).append(r.field)
        else:
            packed.append([str(r.row), r.field, r.kept, r.lost])
    packed.extend([row, fields] for row, fields in plain.items())
    return packed or None
