"""A destination's circuit breaker: what its answers say of it, when it opens, how it is probed, and when it closes.

A record's own failure must not look like an outage, nor an outage like a failure of its records.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

# Requests in a row, each with other records, that fail before it is the destination: one that is met by as many records
# of its own that always fail, and by nothing else in between, is not told from an outage, and its probes sort it out.
MISSES = 4
REFUSALS = 3
FIRST_PROBE = 1_000_000
LONGEST_PROBE = 15_000_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a destination's health; times in microseconds. It is open while `opened_at` is set.

    `misses`: a record of each request in a row that failed. `probed`: the records of the last probe. `probes`: that
    failed since it opened. `refusals`: answers in a row that refused our proof of identity. `failing_since`: the last
    success before it opened.
    """

    opened_at: int | None = None
    opened_for: str = ""
    failing_since: int | None = None
    probe_at: int = 0
    probes: int = 0
    probed: Sequence[str] = ()
    misses: Sequence[str] = ()
    refusals: int = 0
    succeeded_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing but probes may go out."""
        return self.opened_at is not None

    @property
    def refused(self) -> bool:
        """Whether our proof of identity stays refused: only a person can mend that."""
        return self.refusals >= REFUSALS


@dataclass(frozen=True, slots=True)
class Heard:
    """What the requests of one batch say about the destination.

    `answered`: at least one was answered to the point. `unavailable`: why it says that it is not, empty if it does not
    say so. `failed`: the records of each request that failed. `wait`: microseconds that it asked for. `refused`: it
    refused our proof of identity.
    """

    answered: bool = False
    unavailable: str = ""
    failed: Sequence[Collection[str]] = ()
    wait: int = 0
    refused: bool = False


def hear(breaker: Breaker, heard: Heard, now: int, *, probe: bool = False) -> Breaker:
    """Take in what a batch of requests has told, or a probe."""
    if heard.answered:
        breaker = Breaker(succeeded_at=now)
    if heard.answered and not heard.unavailable:
        return breaker
    misses = () if heard.answered else counted(breaker.misses, heard.failed)
    breaker = replace(breaker, misses=misses, refusals=breaker.refusals + 1 if heard.refused else 0)
    if breaker.is_open:
        return _probed(breaker, heard, now) if probe else _held(breaker, heard, now)
    if heard.unavailable or len(misses) >= MISSES:
        return _opened(breaker, heard, now)
    return breaker


def counted(misses: Sequence[str], failed: Iterable[Collection[str]]) -> Sequence[str]:
    """Add the requests that failed with none of the records that stand for an earlier one."""
    known = list(misses)
    for records in failed:
        if records and not any(record in records for record in known):
            known.append(min(records))
    return known[:MISSES]


def _opened(breaker: Breaker, heard: Heard, now: int) -> Breaker:
    why = heard.unavailable or f"{MISSES} requests in a row failed, each with other records"
    return replace(
        breaker, opened_at=now, opened_for=why, failing_since=breaker.succeeded_at or 0, probes=0, probed=(),
        probe_at=now + max(FIRST_PROBE, heard.wait),
    )  # fmt: skip


def _probed(breaker: Breaker, heard: Heard, now: int) -> Breaker:
    """A probe failed: the next one waits longer."""
    pause = min(FIRST_PROBE << min(breaker.probes + 1, 16), LONGEST_PROBE)
    return replace(
        breaker, probes=breaker.probes + 1, opened_for=heard.unavailable or breaker.opened_for,
        probe_at=now + max(pause, heard.wait),
    )  # fmt: skip


def _held(breaker: Breaker, heard: Heard, now: int) -> Breaker:
    """What was under way when it opened has failed too: that tells nothing new, but for how long to wait."""
    return replace(breaker, probe_at=max(breaker.probe_at, now + heard.wait)) if heard.wait else breaker
