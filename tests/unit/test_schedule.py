"""Schedules: where ticks fall, what clock changes do to them, and what is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_system.domain.schedule import MICROSECONDS, Every, parse, upcoming
from sync_system.errors import InvalidValue

BERLIN = "Europe/Berlin"  # 2026: forward on 29 March at 02:00, back on 25 October at 03:00


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


def shown(moments: list[int]) -> list[str]:
    return [datetime.fromtimestamp(moment / 1_000_000, UTC).strftime("%m-%d %H:%M") for moment in moments]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("every 30m", "2026-05-01T10:12:13Z", ["05-01 10:30", "05-01 11:00", "05-01 11:30"]),
        ("every 4h", "2026-05-01T04:00:00Z", ["05-01 08:00", "05-01 12:00", "05-01 16:00"]),
        ("every 1d", "2026-05-01T04:00:00Z", ["05-02 00:00", "05-03 00:00", "05-04 00:00"]),
        ("0 */4 * * *", "2026-05-01T04:00:00Z", ["05-01 08:00", "05-01 12:00", "05-01 16:00"]),
        ("15 9 * * MON", "2026-05-01T00:00:00Z", ["05-04 09:15", "05-11 09:15", "05-18 09:15"]),
    ],
)
def test_ticks_fall_where_written(text, start, expected):
    assert shown(upcoming(parse(text), at(start), 3)) == expected


def test_cron_follows_its_time_zone():
    assert shown(upcoming(parse("0 9 * * *", "Asia/Kolkata"), at("2026-05-01T00:00:00Z"), 1)) == ["05-01 03:30"]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        pytest.param(
            "30 2 * * *", "2026-03-28T12:00:00Z", ["03-29 01:00", "03-30 00:30"], id="skipped-hour-runs-after"
        ),
        pytest.param(
            "30 2 * * *", "2026-10-24T12:00:00Z", ["10-25 00:30", "10-26 01:30"], id="repeated-hour-runs-once"
        ),
        pytest.param(
            "*/30 * * * *", "2026-10-25T00:45:00Z", ["10-25 01:00", "10-25 01:30"], id="repeated-hour-goes-on"
        ),
        pytest.param("45 2 * * *", "2026-10-25T01:10:00Z", ["10-26 01:45"], id="from-within-the-repeated-hour"),
        pytest.param("every 2h", "2026-03-29T00:30:00Z", ["03-29 02:00", "03-29 04:00"], id="every-ignores-clocks"),
    ],
)
def test_clock_changes_lose_and_repeat_nothing(text, start, expected):
    assert shown(upcoming(parse(text, BERLIN), at(start), len(expected))) == expected


@pytest.mark.parametrize(
    ("text", "timezone", "field"),
    [
        ("every", "UTC", "schedule"),
        ("every 0m", "UTC", "schedule"),
        ("every 5 fortnights", "UTC", "schedule"),
        ("hourly", "UTC", "schedule"),
        ("61 * * * *", "UTC", "schedule"),
        ("0 0 30 2 *", "UTC", "schedule"),
        ("0 0 * * * *", "UTC", "schedule"),
        ("0 0 * * *", "Asia/Calcuta", "timezone"),
        ("0 0 * * *", "../etc/passwd", "timezone"),
    ],
)
def test_what_is_no_schedule_is_refused(text, timezone, field):
    with pytest.raises(InvalidValue) as caught:
        parse(text, timezone)
    assert caught.value.field == field


MOMENTS = st.integers(min_value=at("2000-01-01T00:00:00Z"), max_value=at("2090-01-01T00:00:00Z"))
PERIODS = st.tuples(st.integers(1, 500), st.sampled_from(sorted(MICROSECONDS)))


@given(MOMENTS, PERIODS)
def test_every_tick_is_later_and_aligned(moment, period):
    schedule = parse(f"every {period[0]}{period[1]}")
    assert isinstance(schedule, Every)
    tick = schedule.next_after(moment)
    assert moment < tick <= moment + schedule.period
    assert tick % schedule.period == 0


@given(
    MOMENTS, st.integers(0, 3_600_000_000), st.sampled_from(["0 * * * *", "30 2 * * *", "*/7 1-4 * * *", "5 0 1 * *"])
)
@settings(max_examples=60, deadline=None)
def test_cron_ticks_are_later_and_never_skipped(moment, step, text):
    schedule = parse(text, BERLIN)
    tick = schedule.next_after(moment)
    assert tick > moment
    assert tick % 60_000_000 == 0
    later = min(moment + step, tick - 1)  # asking again before the tick gives the same tick
    assert schedule.next_after(later) == tick
