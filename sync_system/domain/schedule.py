"""When failed transactions are tried again, and when systems are polled: `every 4h`, or cron in a time zone.

`every` counts from the epoch, not from a start: ticks fall on the multiples of its period since 1970-01-01 00:00 UTC
(`every 4h` on 00:00, 04:00, … UTC), so that a restart shifts none and all processes agree. Cron follows Debian's where
clocks change: what falls into the skipped hour runs right after it, what falls into the repeated one runs once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from sync_system.errors import InvalidValue

EVERY = re.compile(r"every\s+(\d+)\s*(s|m|h|d)\Z")
SECOND = 1_000_000
MICROSECONDS: Mapping[str, int] = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HELP = "write `every 30m` (s, m, h or d), or five cron fields like `0 */4 * * *`"


class Schedule(Protocol):
    """Moments at which something is due, in microseconds since 1970."""

    def next_after(self, at: int) -> int:
        """Return the first moment that is later than `at`."""


@dataclass(frozen=True, slots=True)
class Every:
    """The multiples of a period, in microseconds."""

    period: int

    def next_after(self, at: int) -> int:
        """Return the first multiple that is later than `at`."""
        return (at // self.period + 1) * self.period


@dataclass(frozen=True, slots=True)
class Cron:
    """Five cron fields, by the clocks of a time zone."""

    expression: str
    timezone: str

    def next_after(self, at: int) -> int:
        """Return the first moment that is later than `at`; raise InvalidValue if there is none in fifty years."""
        start = (EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(self.timezone))
        # Iteration goes by the wall clock, which shows the repeated hour twice: what it finds may lie before `at`.
        for found in CronSim(self.expression, start):
            moment = (found.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
            if moment > at:
                return moment
        raise InvalidValue("schedule", f"{self.expression!r} names a day that never comes")


def parse(text: str, timezone: str = "UTC") -> Schedule:
    """Read a schedule; raise InvalidValue, about `schedule` or `timezone`, with what would be right."""
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as exc:
        raise InvalidValue("timezone", f"{timezone!r} is no time zone: write a name like Asia/Kolkata") from exc
    words = " ".join(text.split())
    if words.startswith("every"):
        return _every(words)
    if len(words.split()) != 5:
        raise InvalidValue("schedule", f"{text!r} is no schedule: {HELP}")
    return _cron(words, timezone)


def _every(words: str) -> Every:
    found = EVERY.match(words)
    if not found or int(found[1]) == 0:
        raise InvalidValue("schedule", f"{words!r} is no schedule: {HELP}")
    return Every(int(found[1]) * MICROSECONDS[found[2]])


def _cron(words: str, timezone: str) -> Cron:
    schedule = Cron(words, timezone)
    try:
        schedule.next_after(0)
    except CronSimError as exc:
        raise InvalidValue("schedule", f"{words!r} is no cron expression ({exc}): {HELP}") from exc
    return schedule


def upcoming(schedule: Schedule, at: int, n: int) -> list[int]:
    """Return the next `n` moments after `at`."""
    moments: list[int] = []
    for _ in range(n):
        at = schedule.next_after(at)
        moments.append(at)
    return moments
