"""What is read of a system for reconciling, and when: each object's changes, and all of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_system.domain.rounds import Scope
from sync_system.ledger.rounds import Round

Reading = tuple[str, Scope]  # of an object


@dataclass(frozen=True, slots=True)
class Agenda:
    """The readings of one system, each with its period in microseconds, and the rounds that are known, oldest first."""

    system: str
    readings: Mapping[Reading, int]
    known: Sequence[Round]

    def rounds(self, reading: Reading) -> list[Round]:
        """Return the rounds of a reading: the one that is done, the one that is under way."""
        return [one for one in self.known if (one.system, one.object, one.scope) == (self.system, *reading)]

    def due_at(self, reading: Reading) -> int:
        """Return when a reading's next page is due, zero if it has never begun."""
        mine = self.rounds(reading)
        if not mine:
            return 0
        newest = mine[-1]
        if newest.ended_at is None:
            return newest.progress.next_at
        return (newest.progress.began_at or newest.created_at) + self.readings[reading]

    def next_at(self) -> int:
        """Return when anything is due."""
        return min(self.due_at(reading) for reading in self.readings)

    def to_begin(self, now: int) -> list[Reading]:
        """Return the readings of which a round is to begin."""
        return [r for r in self.readings if self.due_at(r) <= now and not self.under_way(r)]

    def under_way(self, reading: Reading) -> list[Round]:
        """Return the round of a reading that is under way."""
        return [one for one in self.rounds(reading) if one.ended_at is None]

    def next(self, now: int) -> Round | None:
        """Return the round whose page is due longest."""
        due = [one for r in self.readings for one in self.under_way(r) if one.progress.next_at <= now]
        return min(due, key=lambda one: one.progress.next_at, default=None)
