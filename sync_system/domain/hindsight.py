"""What another schedule of replays would have done with the failures that were recorded."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sync_system.domain.schedule import Schedule
from sync_system.domain.transactions import ReplayPolicy


@dataclass(frozen=True, slots=True)
class Failing:
    """One transaction that failed. Times in microseconds.

    `accepted_at`: when the system first took it, None if never. `charged`: whether its failures cost attempts.
    `refused`: the system refused it as it was, so that no schedule tries it again. `calls`: how often it was really
    tried, up to its acceptance. `waiting`: it is really still on its way.
    """

    failed_at: int
    accepted_at: int | None = None
    charged: bool = True
    refused: bool = False
    calls: int = 1
    waiting: bool = False


@dataclass(slots=True)
class Hindsight:
    """What became of all: how many recovered at which attempt and after how long (microseconds), the others, the calls."""

    recovered: Counter[int] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    parked: int = 0
    waiting: int = 0
    calls: int = 0

    def recover(self, attempt: int, after: int, calls: int) -> None:
        """Note one that came through."""
        self.recovered[attempt] += 1
        self.times.append(after)
        self.calls += calls

    def time(self, share: float) -> int | None:
        """Return the time (microseconds) after which this share of the recovered had come through."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def really(failures: Iterable[Failing]) -> Hindsight:
    """Return what became of these failures as it was."""
    seen = Hindsight()
    for one in failures:
        if one.accepted_at is not None:
            seen.recover(one.calls, one.accepted_at - one.failed_at, one.calls)
            continue
        seen.calls += one.calls
        seen.waiting += one.waiting
        seen.parked += not one.waiting
    return seen


def simulate(failures: Sequence[Failing], schedule: Schedule, policy: ReplayPolicy, until: int) -> Hindsight:
    """Return what a schedule would have made of these failures by `until`.

    A system is taken to accept a record from the moment on at which it really did, and to fail it before, always at the
    same cost. Nothing else is known of the time between.
    """
    seen = Hindsight()
    ticks = _ticks(schedule, min((f.failed_at for f in failures), default=until), until)
    for one in failures:
        if one.refused:
            seen.parked, seen.calls = seen.parked + 1, seen.calls + 1
        else:
            _replay(one, ticks, policy, seen)
    return seen


def _ticks(schedule: Schedule, after: int, until: int) -> list[int]:
    ticks = []
    at = schedule.next_after(after)
    while at <= until:
        ticks.append(at)
        at = schedule.next_after(at)
    return ticks


def _replay(one: Failing, ticks: Sequence[int], policy: ReplayPolicy, seen: Hindsight) -> None:
    first = bisect_right(ticks, one.failed_at)
    taken = len(ticks) if one.accepted_at is None else max(first, bisect_left(ticks, one.accepted_at))
    most = len(ticks)
    if one.charged:  # the failure itself was the first attempt; a tick too late parks instead of trying
        in_time = bisect_right(ticks, one.failed_at + policy.give_up_after)
        most = min(first + policy.max_attempts - 1, max(in_time, first))
    if taken < min(most, len(ticks)):
        seen.recover(taken - first + 2, ticks[taken] - one.failed_at, taken - first + 2)
        return
    seen.calls += 1 + min(most, len(ticks)) - first
    if most < len(ticks):
        seen.parked += 1
    else:
        seen.waiting += 1
