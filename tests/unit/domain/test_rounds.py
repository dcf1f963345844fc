"""Pages are spread evenly over a round's time, and what is on its way is no difference."""

import pytest

from sync_system.domain.rounds import LONGEST_PAUSE, pause, share

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("left", "page", "expected"),
    [
        (99_900, 100, HOUR // 1_000),
        (0, 100, LONGEST_PAUSE),
        (-500, 0, LONGEST_PAUSE),
        (1_000, 100, LONGEST_PAUSE),
    ],
)
def test_pages_are_spread_over_the_time_left(left, page, expected):
    assert pause(HOUR, 0, left, page) == expected


def test_round_that_is_late_makes_no_pause():
    assert pause(HOUR, HOUR + 1, 99_900, 100) == 0


def test_whole_round_takes_as_long_as_it_may():
    now, left = 0, 100_000
    while left > 0:
        now, left = now + pause(HOUR, now, left, 100), left - 100
    assert 0.99 * HOUR < now <= HOUR


def test_share_leaves_out_what_could_not_be_compared():
    assert share({"consistent": 3, "unseen": 1, "under_way": 5, "held": 2, "stranger": 7}) == 0.75
    assert share({"held": 2}) is None
