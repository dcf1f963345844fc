"""What is wrong now, as the ledger and the broker show it: each trouble once, however many leads it meets."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_system.domain.advice import BY_HAND, advise
from sync_system.domain.fingerprint import cause
from sync_system.ledger.alerts import Alert, Facts
from sync_system.ledger.causes import OpenCause
from sync_system.ledger.destinations import Condition
from sync_system.services.failures import Advice
from sync_system.services.status import QueueStatus

CAUSE, PAUSED, DOWN, WAITING, UNREAD = "cause", "paused", "down", "waiting", "unread"
# Outcomes that an outage makes of its own: while it lasts, it is told of as an outage.
OF_AN_OUTAGE = frozenset({"unavailable", "uncertain", "retry"})
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is an alert, in microseconds: pending for longer, down for longer."""

    older_than: int
    down_for: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now. `key`: the same as long as it is the same trouble."""

    key: str
    kind: str
    destination: str | None
    text: str
    facts: Facts


def of_causes(
    causes: Sequence[OpenCause], down: Collection[str], advice: Advice, known: Collection[str]
) -> Iterator[Trouble]:
    """Return the causes of what is failed or parked, but for what a person parked, or an outage explains."""
    for one in causes:
        key = f"{CAUSE} {one.destination} {one.fingerprint}"
        outage = one.outcome == "unavailable" or (one.outcome in OF_AN_OUTAGE and one.destination in down)
        if one.fingerprint is None or one.code == BY_HAND or (outage and key not in known):
            continue
        count, what = one.failed + one.parked, "fails" if one.failed + one.parked == 1 else "fail"
        facts = Facts(
            one.first_at or 0, advise(one.outcome, one.code, advice.get(one.destination, {})),
            f"sync-system failures --system {one.destination}", count, cause(one.message), one.fingerprint,
        )  # fmt: skip
        code = f" ({one.code})" if one.code else ""
        yield Trouble(
            key, CAUSE, one.destination, f"{one.object}s {what} in {one.destination}: {one.outcome}{code}", facts
        )


def of_conditions(conditions: Mapping[str, Condition], now: int, down_for: int) -> Iterator[Trouble]:
    """Return the destinations that are paused, or down for too long."""
    for name, condition in sorted(conditions.items()):
        if condition.pause is not None:
            why = f"{name} is paused by {condition.pause.by}"
            facts = Facts(
                condition.pause.at, RESUME, f"sync-system resume {name}", sample=cause(condition.pause.reason)
            )
            yield Trouble(f"{PAUSED} {name}", PAUSED, name, why, facts)
        opened_at = condition.breaker.opened_at
        if opened_at is not None and now - opened_at >= down_for:
            facts = Facts(opened_at, WAIT_FOR_IT, "sync-system check", sample=cause(condition.breaker.opened_for))
            yield Trouble(f"{DOWN} {name}", DOWN, name, f"{name} is down", facts)


RESUME = "Nothing is delivered to it, and nothing is lost. Mend what it was paused for, then resume it."
WAIT_FOR_IT = (
    "Nothing is lost and no attempt is charged; it is probed, and what waits is delivered as soon as it answers. "
    "See whether the system has an outage of its own, or no longer lets us in."
)
LOOK_AT_IT = (
    "Changes come in faster than they go out, or nobody delivers. See whether the destination is down, paused or slowed "
    "down, and whether a process runs the delivery role; add processes if it is load."
)
RUN_INTAKE = "No process reads it. Start one with the intake role; what waits is kept."


def of_waiting(oldest: Mapping[str, int], now: int, older_than: int) -> Iterator[Trouble]:
    """Return the destinations whose oldest pending change waits for too long."""
    for name, at in sorted(oldest.items()):
        if now - at >= older_than:
            text = f"changes wait for {name} longer than {older_than // SECOND} s"
            yield Trouble(f"{WAITING} {name}", WAITING, name, text, Facts(at, LOOK_AT_IT, "sync-system status"))


def of_queues(queues: Sequence[QueueStatus], since: dict[str, int], now: int, patience: int) -> Iterator[Trouble]:
    """Return the event queues that hold messages and are read by nobody; `since` remembers from look to look."""
    for queue in queues:
        if not queue.name.startswith("sync.events.") or queue.consumers or not queue.messages:
            since.pop(queue.name, None)
            continue
        began_at = since.setdefault(queue.name, now)
        if now - began_at >= patience:
            facts = Facts(began_at, RUN_INTAKE, "sync-system run --role intake", queue.messages)
            yield Trouble(f"{UNREAD} {queue.name}", UNREAD, None, f"nobody reads the queue {queue.name}", facts)


def kept(alert: Alert) -> Trouble:
    """Return an open alert's trouble, which cannot be judged just now, as it was."""
    return Trouble(alert.key, alert.kind, alert.destination, alert.text, alert.facts)
