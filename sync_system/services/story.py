"""The whole story of a lead: what it is and by whom, where it stands, what arrived, what was tried, what happens next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_system.domain.advice import BY_HAND, advise
from sync_system.domain.fields import Value
from sync_system.domain.record import Stamp
from sync_system.domain.schedule import Schedule
from sync_system.domain.transactions import ReplayPolicy, Standing, State, replay
from sync_system.ledger import destinations, stories
from sync_system.ledger.codec import unpack_record
from sync_system.ledger.database import Database
from sync_system.ledger.destinations import Condition
from sync_system.services.clock import Clock
from sync_system.services.failures import Advice

NEWEST = 50


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field of the record, and when which system set it (its stamp)."""

    name: str
    value: Value
    system: str | None
    at: int | None


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """Why fields have the value they have: the rule that decided, the stamp that was kept and the one that lost."""

    rule: str
    fields: Sequence[str]
    kept: Stamp | None = None
    lost: Stamp | None = None


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event that touched the record."""

    id: str
    received_at: int
    at: int | None
    source: str
    verb: str
    external_id: str | None
    outcome: str
    error: str | None
    receipts: Sequence[ReceiptLine]


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One try at delivering a transaction, with the calls that its whole batch made."""

    at: int
    trigger: str
    outcome: str
    status: int | None
    code: str
    message: str
    charged: bool
    calls: Sequence[Any]


@dataclass(frozen=True, slots=True)
class TransactionLine:
    """A transaction with its attempts. `next`: what happens next in words, `next_at` when, both None at its end."""

    id: int
    destination: str
    state: State
    attempts: int
    most: int
    created_at: int
    updated_at: int
    error: str | None
    fingerprint: str | None
    tries: Sequence[AttemptLine]
    next: str | None
    next_at: int | None


@dataclass(slots=True)
class Story:
    """All that is known of one record; lists begin with the latest, attempts with the earliest."""

    record: str
    object: str
    created_at: int
    updated_at: int
    deleted_at: int | None
    named: int | None
    fields: list[FieldLine] = field(default_factory=list)
    links: Sequence[Any] = ()
    events: list[EventLine] = field(default_factory=list)
    transactions: list[TransactionLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells stories; needs the schedules and policies to say what happens next."""

    db: Database
    advice: Advice
    schedules: Mapping[str, Schedule]
    policies: Mapping[str, ReplayPolicy]
    clock: Clock

    async def tell(self, record: str, named: int | None = None, *, calls: bool = False) -> Story:
        """Return the story of a record; `named`: one transaction of it to tell alone; `calls`: with requests."""
        async with self.db.read() as sql:
            row = await stories.record(sql, record)
            story = Story(row.id, row.object, row.created_at, row.updated_at, row.deleted_at, named, _fields(row))
            story.links = await stories.links_of(sql, record)
            story.events = [_event(one) for one in await stories.events_of(sql, record, NEWEST)]
            found = await stories.transactions_of(sql, record, NEWEST)
            found = [one for one in found if named is None or one.id == named] or found
            tries = await stories.results_of(sql, [one.id for one in found])
            made = await stories.calls_of(sql, sorted({one.token for one in tries})) if calls else ()
            held_back = _held_back(await destinations.read(sql))
        for one in found:
            own = [_try(r, [c for c in made if c.token == r.token]) for r in tries if r.transaction == one.id]
            story.transactions.append(self._transaction(one, own, held_back))
        return story

    def _transaction(self, row: Any, tries: Sequence[AttemptLine], held_back: Mapping[str, str]) -> TransactionLine:
        policy = self.policies.get(row.destination)
        told, at = self._next(row, tries, policy, held_back) if policy else (None, None)
        most = policy.max_attempts + row.allowed if policy else row.attempts
        return TransactionLine(
            row.id, row.destination, State(row.state), row.attempts, most, row.created_at, row.updated_at, row.error,
            row.fingerprint, tries, told, at,
        )  # fmt: skip

    def _next(
        self, row: Any, tries: Sequence[AttemptLine], policy: ReplayPolicy, held_back: Mapping[str, str]
    ) -> tuple[str | None, int | None]:
        """Return what happens next to a transaction, and when."""
        match State(row.state):
            case State.PENDING if row.destination in held_back:
                return f"waits: {held_back[row.destination]}", None
            case State.PENDING:
                return "is delivered in its turn", None
            case State.PROCESSING:
                return "is being delivered; its worker has until", row.claimed_until
            case State.FAILED:
                at = self.schedules[row.destination].next_after(self.clock())
                standing = Standing(row.attempts, row.at_once, row.expiries, row.failing_since)
                parked = replay(standing, row.allowed, policy, at) is State.PARKED
                return "is parked at the next tick" if parked else "is replayed", at
            case State.PARKED:
                last = tries[-1] if tries and tries[-1].message == row.error else None
                outcome, code = (last.outcome, last.code) if last else (State.PARKED, BY_HAND)
                told = advise(outcome, code, self.advice.get(row.destination, {}))
                return f"waits for a person. {told}", None
            case _:
                return None, None


def _held_back(conditions: Mapping[str, Condition]) -> dict[str, str]:
    """Return the destinations that nothing is sent to just now, and why."""
    why = {}
    for name, condition in conditions.items():
        if condition.pause is not None:
            why[name] = f"{name} is paused: {condition.pause.reason or 'no reason given'}"
        elif condition.breaker.opened_at is not None:
            why[name] = f"{name} is away: {condition.breaker.opened_for or 'its calls fail'}"
    return why


def _fields(row: Any) -> list[FieldLine]:
    record = unpack_record(row.id, row.object, row.fields, row.stamps, row.deleted_at)
    lines = []
    for name, value in sorted(record.fields.items()):
        stamp = record.stamp(name)
        lines.append(FieldLine(name, value, stamp[1] if stamp else None, stamp[0] if stamp else None))
    return lines


def _event(row: Any) -> EventLine:
    return EventLine(
        row.id, row.received_at, row.at, row.source, row.verb, row.external_id, row.outcome, row.error,
        [_receipt(packed) for packed in row.decisions or ()],
    )  # fmt: skip


def _receipt(packed: Sequence[Any]) -> ReceiptLine:
    """Read what intake keeps: [rule, fields], or [rule, field, kept, lost]."""
    if len(packed) == 2:
        return ReceiptLine(packed[0], [name for name in packed[1] if name])
    rule, name, kept, lost = packed
    return ReceiptLine(rule, [name] if name else [], tuple(kept) if kept else None, tuple(lost) if lost else None)


def _try(row: Any, calls: Sequence[Any]) -> AttemptLine:
    return AttemptLine(row.at, row.trigger, row.outcome, row.status, row.code, row.message, row.charged, calls)
