"""A transaction's way: pending, processing, then succeeded, failed, parked or superseded, decided here as values."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from sync_system.domain.outcomes import OutcomeClass


class State(StrEnum):
    """Where a transaction stands. Pending, failed and parked are waiting."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARKED = "parked"
    SUPERSEDED = "superseded"


class Trigger(StrEnum):
    """What made an attempt happen."""

    LIVE = "live"
    SCHEDULE = "schedule"
    RECOVERY = "recovery"
    MANUAL = "manual"
    CANARY = "canary"


class Priority(IntEnum):
    """What is delivered first: what people do now, then what failed before, then what brings a whole system up to date."""

    LIVE = 0
    REPLAY = 1
    BULK = 2


WAITING = (State.PENDING, State.FAILED, State.PARKED)
CONFLICTS_AT_ONCE = 2
EXPIRIES_UNCHARGED = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What a transaction has been through: charged attempts, tries taken up again at once, leases that ran out."""

    attempts: int = 0
    at_once: int = 0
    expiries: int = 0
    failing_since: int | None = None


@dataclass(frozen=True, slots=True)
class Disposition:
    """What happens next to a transaction, and whether this attempt counts against it."""

    state: State
    charged: bool
    standing: Standing


def dispose(
    outcome: OutcomeClass, standing: Standing, now: int, *, charged: bool = True, alone: bool = True
) -> Disposition:
    """Decide what an outcome means for a transaction. `now` in microseconds.

    `charged`: whether a failure can be the record's fault at all. `alone`: no other record was in the same call.
    """
    match outcome:
        case OutcomeClass.OK:
            return Disposition(State.SUCCEEDED, charged=False, standing=Standing(standing.attempts))
        case OutcomeClass.REJECTED:
            return _charged(State.PARKED, standing, now)
        case OutcomeClass.UNAVAILABLE:
            return Disposition(State.FAILED, charged=False, standing=standing)
        case OutcomeClass.CONFLICT if standing.at_once < CONFLICTS_AT_ONCE:
            return _at_once(standing)
        case OutcomeClass.UNCERTAIN if standing.at_once < 1 or not alone:
            return _at_once(standing)
        case _ if not charged:
            return Disposition(State.FAILED, charged=False, standing=replace(standing, at_once=0))
        case _:
            return _charged(State.FAILED, standing, now)


def _at_once(standing: Standing) -> Disposition:
    return Disposition(State.PENDING, charged=False, standing=replace(standing, at_once=standing.at_once + 1))


def _charged(state: State, standing: Standing, now: int) -> Disposition:
    since = standing.failing_since if standing.failing_since is not None else now
    changed = replace(standing, attempts=standing.attempts + 1, at_once=0, failing_since=since)
    return Disposition(state, charged=True, standing=changed)


def expire(standing: Standing, now: int) -> Disposition:
    """Decide what a lease that ran out means: nobody's fault twice, then the record's that kills its worker."""
    counted = replace(standing, expiries=standing.expiries + 1)
    if counted.expiries <= EXPIRIES_UNCHARGED:
        return Disposition(State.PENDING, charged=False, standing=counted)
    return _charged(State.FAILED, counted, now)


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """How often and how long a destination's failures are replayed. `give_up_after` in microseconds.

    `on_recovery`: what failed because of an outage is replayed as soon as it is over.
    """

    max_attempts: int
    give_up_after: int
    on_recovery: bool = True


def replay(standing: Standing, allowed: int, policy: ReplayPolicy, now: int) -> State:
    """Decide at a tick: pending again while attempts are left, else parked. `allowed`: attempts granted by hand."""
    spent = standing.attempts >= policy.max_attempts + allowed
    too_long = standing.failing_since is not None and now - standing.failing_since > policy.give_up_after
    return State.PARKED if standing.attempts and (spent or too_long) else State.PENDING
