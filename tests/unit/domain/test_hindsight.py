"""Another schedule's hindsight counts recoveries, attempts, calls and what it would have parked."""

import pytest

from sync_system.domain.hindsight import Failing, really, simulate
from sync_system.domain.schedule import Every, parse
from sync_system.domain.transactions import ReplayPolicy

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
POLICY = ReplayPolicy(max_attempts=5, give_up_after=7 * DAY)


def hourly(*failures, policy=POLICY, until=30 * DAY):
    return simulate(failures, Every(HOUR), policy, until)


@pytest.mark.parametrize(
    ("accepted_after", "attempt", "after"),
    [(1, 2, 60), (30, 2, 60), (60, 2, 60), (61, 3, 120), (239, 5, 240)],
)
def test_first_tick_after_acceptance_recovers(accepted_after, attempt, after):
    seen = hourly(Failing(10 * HOUR, 10 * HOUR + accepted_after * MINUTE))
    assert (dict(seen.recovered), seen.times, seen.calls) == ({attempt: 1}, [after * MINUTE], attempt)


def test_spent_attempts_park_before_a_late_acceptance():
    seen = hourly(Failing(10 * HOUR, 15 * HOUR))
    assert (dict(seen.recovered), seen.parked, seen.calls) == ({}, 1, 5)


def test_never_accepted_is_parked_after_all_attempts():
    assert (hourly(Failing(0)).parked, hourly(Failing(0)).calls) == (1, 5)


def test_outage_costs_calls_but_no_attempts():
    seen = hourly(Failing(0, 20 * HOUR, charged=False))
    assert (dict(seen.recovered), seen.parked) == ({21: 1}, 0)


def test_outage_without_an_end_goes_on_waiting():
    seen = hourly(Failing(0, charged=False), until=3 * HOUR)
    assert (seen.parked, seen.waiting, seen.calls) == (0, 1, 4)


def test_refused_record_is_parked_by_every_schedule():
    seen = hourly(Failing(0, 10 * HOUR, refused=True))
    assert (seen.parked, seen.calls, seen.times) == (1, 1, [])


def test_too_long_a_failure_is_given_up():
    seen = hourly(Failing(0, 4 * HOUR), policy=ReplayPolicy(100, 2 * HOUR))
    assert (seen.parked, seen.calls) == (1, 3)


def test_history_that_ends_leaves_the_rest_waiting():
    seen = hourly(Failing(10 * HOUR), until=12 * HOUR)
    assert (seen.waiting, seen.parked, seen.calls) == (1, 0, 3)


def test_denser_schedule_recovers_sooner_for_more_calls():
    failures = [Failing(0, 2 * HOUR + minute * MINUTE) for minute in range(60)]
    often, seldom = (simulate(failures, Every(n * MINUTE), ReplayPolicy(99, DAY), DAY) for n in (10, 60))
    assert often.time(0.5) < seldom.time(0.5)
    assert often.calls > seldom.calls
    assert sum(often.recovered.values()) == sum(seldom.recovered.values()) == 60


def test_shares_of_time_are_of_the_recovered():
    seen = really([Failing(0, n) for n in range(1, 11)])
    assert (seen.time(0.5), seen.time(0.9), really([]).time(0.5)) == (6, 10, None)


def test_what_really_happened_is_counted():
    seen = really([Failing(0, 5, calls=3), Failing(0, calls=2), Failing(0, calls=4, waiting=True)])
    assert (dict(seen.recovered), seen.parked, seen.waiting, seen.calls) == ({3: 1}, 1, 1, 9)


def test_cron_goes_by_its_time_zone():
    seen = simulate([Failing(0, 1)], parse("0 9 * * *", "Asia/Kolkata"), POLICY, DAY)
    assert seen.times == [3 * HOUR + 30 * MINUTE]
