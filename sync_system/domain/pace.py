"""How fast a system may be called: its limit as an even pace, lowered for a while when it says that it was too fast."""

from dataclasses import dataclass

# Calls are spread a little wider than the limit would let them: they do not all take the same time to arrive.
MARGIN = 1.1
# Of the calls that a limit allows in its time, the part that a process may take at once, and that may go out together
# after a rest. With the margin, a window of that time never holds more than the limit.
PORTION = 50
BURST = 25
MINUTE = 60_000_000
MOST_HALVINGS = 5
DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A system's limit: `calls` in `per` microseconds; `daily` calls a day, of which replays leave a share alone.

    `replay_share`: the part of a day's calls from which on nothing is replayed. `bulk_share`: the part of the calls that
    bulk work may take.
    """

    calls: int | None = None
    per: int = 0
    daily: int | None = None
    replay_share: float = 0.8
    bulk_share: float = 0.5

    @property
    def interval(self) -> int:
        """Microseconds from one call to the next; zero where nothing is limited."""
        return 0 if self.calls is None else max(round(self.per * MARGIN / self.calls), 1)

    @property
    def burst(self) -> int:
        """Microseconds of rest that may be made up for."""
        return 0 if self.calls is None else self.interval * (self.calls // BURST)

    @property
    def portion(self) -> int:
        """How many calls a process may take at once."""
        return 1 if self.calls is None else max(self.calls // PORTION, 1)

    def rest(self, calls: int) -> int:
        """Return how long (microseconds) bulk work leaves a system alone from the start of so many calls on."""
        return round(self.interval * calls / self.bulk_share)

    def replays(self, used: int, allowance: int | None, left: int | None) -> bool:
        """Whether the day leaves room for replays; what the system itself says of its day comes first."""
        if allowance is not None and left is not None:
            return allowance - left < allowance * self.replay_share
        return self.daily is None or used < self.daily * self.replay_share


def slowed(halvings: int, since: int, now: int) -> int:
    """Return how often the pace is still halved: a minute without a new complaint takes one back."""
    return max(halvings - (now - since) // MINUTE, 0)
