"""Several observers that hear the same. What goes wrong in one of them is logged, and costs no lead anything."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from sync_system.connectors.protocol import Call, Delivered
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work
from sync_system.services.intake import Taken
from sync_system.services.observing import Observer, Timed
from sync_system.services.reading import Arrival

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Several:
    """Passes everything on."""

    observers: Sequence[Observer]

    def _tell(self, what: str, *heard: Any) -> None:
        for one in self.observers:
            try:
                getattr(one, what)(*heard)
            except Exception:  # between a call and its settlement nothing may break
                log.exception("observer.failed", observer=type(one).__name__, heard=what)

    def read(self, system: str, call: Call) -> None:
        """Pass it on."""
        self._tell("read", system, call)

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Pass it on."""
        self._tell("took_in", system, arrivals, taken, time)

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Pass it on."""
        self._tell("sent", claim, work, delivered, time)

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Pass it on."""
        self._tell("settled", claim, settled)

    def carried(self, claim: Claim, time: Timed) -> None:
        """Pass it on."""
        self._tell("carried", claim, time)

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Pass it on."""
        self._tell("replayed", destination, trigger, records, time)
