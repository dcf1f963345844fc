"""What services tell of their work as they do it: to whoever measures, traces or logs it, and never to a lead's harm."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync_system.connectors.protocol import Call, Delivered
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work
from sync_system.services.intake import Taken
from sync_system.services.reading import Arrival


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took, from `began_at` to `ended_at` in microseconds."""

    began_at: int
    ended_at: int

    @property
    def seconds(self) -> float:
        """The duration."""
        return (self.ended_at - self.began_at) / 1_000_000


class Observer(Protocol):
    """Hears of every batch, with what it came to; one call a batch, however many leads are in it."""

    def read(self, system: str, call: Call) -> None:
        """Hear of a request that wrote nothing."""

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Hear of a batch of events that is committed."""

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Hear of writes, with an outcome for each work in order, before they are settled."""

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Hear of what became of transactions."""

    def carried(self, claim: Claim, time: Timed) -> None:
        """Hear that a claim was brought to its end."""

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Hear of records whose failures were moved back to pending, or parked."""


class Unobserved:
    """The observer of those whom nobody watches."""

    def read(self, system: str, call: Call) -> None:
        """Hear nothing."""

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Hear nothing."""

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Hear nothing."""

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Hear nothing."""

    def carried(self, claim: Claim, time: Timed) -> None:
        """Hear nothing."""

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Hear nothing."""


UNOBSERVED = Unobserved()
