"""A limit as an even pace: no window of its time ever holds more calls than it allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_system.domain.pace import MINUTE, Rate, slowed

SECOND = 1_000_000


def admitted(rate, moments):
    """Return when calls go out that are wanted at these moments, as the ledger's statement lets them."""
    free_at, out = 0, []
    for now in moments:
        start = max(free_at, now - rate.burst)
        free_at = start + rate.interval * rate.portion
        out += [max(start + n * rate.interval, now) for n in range(rate.portion)]
    return sorted(out)


@given(
    calls=st.integers(1, 300),
    per=st.sampled_from([SECOND, 10 * SECOND, 60 * SECOND]),
    gaps=st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=120),
)
def test_no_window_holds_more_than_the_limit(calls, per, gaps):
    rate = Rate(calls, per)
    moments, now = [], 1_000 * SECOND
    for gap in gaps:
        now += gap * (gap % 3 == 0)
        moments += [now] * 3
    out = admitted(rate, moments)
    for first, at in enumerate(out):
        assert sum(at <= other < at + per for other in out[first:]) <= calls


@pytest.mark.parametrize(("used", "allowed"), [(0, True), (799, True), (800, False), (1_000, False)])
def test_replays_leave_a_part_of_the_day_alone(used, allowed):
    assert Rate(daily=1_000).replays(used, None, None) is allowed


def test_what_the_system_says_of_its_day_comes_first():
    assert Rate(daily=1_000).replays(999, allowance=500_000, left=400_000)
    assert not Rate().replays(0, allowance=500_000, left=90_000)


def test_unlimited_system_has_no_pace():
    assert (Rate().interval, Rate().burst, Rate().portion) == (0, 0, 1)


@pytest.mark.parametrize(("minutes", "left"), [(0, 3), (1, 2), (3, 0), (100, 0)])
def test_every_quiet_minute_takes_a_halving_back(minutes, left):
    assert slowed(3, 5, 5 + minutes * MINUTE) == left
