"""When the net is drawn: what changed since at short intervals, and everything in slow rounds, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

# Of the time that a slow round may take, the part that its pages are spread over: the last ones may be held up.
SPREAD = 0.9
# A round over few rows ends early rather than dawdle.
LONGEST_PAUSE = 60_000_000
# What a row or a record may be found to be, beside the kinds of differences. Strangers stood there before the sync
# began, and nobody has edited them since: they are for `link`, or a person, to take in.
CONSISTENT, UNDER_WAY, HELD, STRANGER = "consistent", "under_way", "held", "stranger"


class Scope(StrEnum):
    """What a round reads."""

    CHANGES = "changes"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a system's changes are read, and within what time all of its rows; microseconds, None for never."""

    every: int | None = None
    full: int | None = None

    def of(self, scope: Scope) -> int | None:
        """Return how long after the beginning of a round the next one begins."""
        return self.every if scope is Scope.CHANGES else self.full


def pause(until: int, now: int, left: int, page: int) -> int:
    """Return how long to wait before the next page, so that what is left is spread evenly over the time that is left.

    `until`: when the last page should be read; `left`: rows and records to come, `page`: how many come in one page.
    """
    pages = ceil(max(left, 0) / max(page, 1)) + 1
    return min(max(until - now, 0) // pages, LONGEST_PAUSE)


def share(found: Mapping[str, int]) -> float | None:
    """Return the part of what could be compared that was consistent, None if there was nothing to compare."""
    compared = sum(count for what, count in found.items() if what not in {UNDER_WAY, HELD, STRANGER})
    return found.get(CONSISTENT, 0) / compared if compared else None
