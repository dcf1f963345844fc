"""A population drawn from a seed: its rows one by one, however many, and the truth about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from sync_system.sandbox.population.casting import SIDES, Part, Role, Side, cast
from sync_system.sandbox.population.handwriting import typed
from sync_system.sandbox.population.truth import Truth, truth_of

FIRST: dict[Side, int] = {"application": 1, "crm": 501}
UNTIL = 1_764_547_200_000_000  # 2025-12-01, so that the same seed gives the same rows whenever it is drawn
MINUTE = 60_000_000
YEAR = 365 * 24 * 60  # minutes


@dataclass(frozen=True, slots=True)
class Row:
    """A row as its side holds it, under its own names; `at`: its last change, microseconds since the epoch."""

    id: int
    person: int
    values: dict[str, Any]
    at: int


class Population:
    """So many rows on each side; the same for the same seed and size."""

    def __init__(self, seed: int = 1, each: int = 20_000) -> None:
        self.seed, self.each = seed, each
        self._cast = cast(seed, each)

    def rows(self, side: Side) -> Iterator[Row]:
        """Draw a side's rows in the order of their ids."""
        for id, part in enumerate(self._cast[side], FIRST[side]):
            values, _ = typed(self.seed, side, part)
            yield Row(id, part.person, values, self._moment(side, part))

    @cached_property
    def truth(self) -> Truth:
        """Who is who, and what has to become of each row."""
        return truth_of(self._cast, FIRST, {side: self._refused(side) for side in SIDES})

    def _refused(self, side: Side) -> dict[str, str]:
        parts = [(id, part) for id, part in enumerate(self._cast[side], FIRST[side]) if part.role is Role.REFUSED]
        return {str(id): typed(self.seed, side, part)[1] or "" for id, part in parts}

    def _moment(self, side: Side, part: Part) -> int:
        """Return a time of the year before; the sides take turns by the minute, so that one row is clearly newer."""
        chance = Random(f"{self.seed}/{part.person}/{side}/{part.second}/moment")
        minute = 2 * int(chance.random() * YEAR / 2) + (side == "crm")
        return UNTIL - minute * MINUTE + int(chance.random() * MINUTE / 2)
