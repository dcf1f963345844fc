"""The wide lines of the log: one for each request, and one for each record that did not end well. No lead data."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import structlog

from sync_system.connectors.protocol import Call, Delivered
from sync_system.domain.outcomes import OutcomeClass
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work
from sync_system.services.intake import Taken
from sync_system.services.observing import Timed
from sync_system.services.reading import Arrival
from sync_system.telemetry.calls import outcomes_of, path_of

log = structlog.get_logger(__name__)

NextTick = Callable[[str], int]


class Lines:
    """Writes the lines. `next_tick`: when a destination's failures are replayed next, in microseconds."""

    def __init__(self, next_tick: NextTick) -> None:
        self.next_tick = next_tick

    def read(self, system: str, call: Call) -> None:
        """Tell of a request that wrote nothing."""
        log.info(
            "call", system=system, method=call.method, path=path_of(call.url), status=call.status, ms=_ms(call),
            trigger="read",
        )  # fmt: skip

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Say nothing: intake has a line of its own."""

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Tell of every request of a batch."""
        for call in delivered.calls:
            if not call.positions:
                continue
            some = [work[at] for at in call.positions if at < len(work)]
            ids = (
                frozenset(id for w in some for id in (w.record, w.external_id) if id) if len(some) == 1 else frozenset()
            )
            log.info(
                "call", system=claim.destination, object=claim.object, method=call.method, path=path_of(call.url, ids),
                status=call.status, ms=_ms(call), records=len(some), trigger=_trigger(claim, some),
                outcomes=dict(outcomes_of(call, delivered)),
            )  # fmt: skip

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Tell of each record that did not end well, and what happens to it next."""
        tick: str | None = None
        for s in settled:
            if s.outcome == OutcomeClass.OK or not s.tried:
                continue
            if s.state == "failed" and tick is None:
                tick = _iso(self.next_tick(s.destination))
            log.info(
                "attempt", transaction=s.id, record=s.record, destination=s.destination, object=claim.object,
                outcome=str(s.outcome), status=s.status, code=s.code, charged=s.charged, attempts=s.standing.attempts,
                state=str(s.state), fingerprint=s.fingerprint, trigger=str(s.trigger), next=_next(s, tick),
            )  # fmt: skip

    def carried(self, claim: Claim, time: Timed) -> None:
        """Say nothing: delivery has a line of its own."""

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Say nothing: replay has a line of its own."""


def _next(settled: Settled, tick: str | None) -> str | None:
    match settled.state:
        case "pending":
            return "at once"
        case "parked":
            return "a person"
    return tick


def _trigger(claim: Claim, work: Sequence[Work]) -> str:
    if claim.probe:
        return "probe"
    triggers = {str(w.transaction.trigger) for w in work}
    return triggers.pop() if len(triggers) == 1 else "mixed"


def _ms(call: Call) -> float:
    return round((call.ended_at - call.started_at) / 1_000, 1)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="seconds")
