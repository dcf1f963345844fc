"""Ten named schedules, each ended in many ways: nobody is wronged, all converge, and no write is wasted."""

import pytest

from tests.simulation.traces import TRACES, Stage, correction_against_a_clock_that_runs_ahead, played

ENDINGS = range(40)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_trace_ends_well_however_it_ends(trace):
    assert [verdict for seed in ENDINGS if (verdict := played(trace, seed).end(seed))] == []


@pytest.mark.parametrize(
    ("trace", "b"),
    [
        ("snapshot_older_than_our_write", "y"),
        ("echo_before_its_settle_when_the_record_moved_on", "z"),
        ("edit_after_our_write_reported_before_its_settle", "y"),
        ("edit_that_our_write_overwrote_reported_late", "z"),
        ("late_echo_of_an_earlier_write", "z"),
        ("expired_worker_writes_after_its_successor", "z"),
        ("two_edits_in_one_tick_reported_the_other_way_round", "z"),
        ("correction_against_a_clock_that_runs_ahead", "z"),
        ("away_and_back_reported_in_the_wrong_order", "y"),
        ("our_value_typed_again_in_the_tick_of_another_edit", "y"),
    ],
)
def test_trace_shows_what_was_typed_last(trace, b):
    stage = played(next(t for t in TRACES if t.__name__ == trace), 1)
    stage.end(1)
    assert stage.world.ledger.record.fields["b"] == b
    assert [system.values["b"] for system in stage.world.systems] == [b, b]


def test_trace_of_an_expired_worker_writes_three_times():
    stage = Stage(0)
    next(t for t in TRACES if t.__name__ == "expired_worker_writes_after_its_successor")(stage)
    stage.end(0)
    assert stage.world.written == {1: 3}


def test_correction_is_stamped_after_what_it_corrects():
    stage = played(correction_against_a_clock_that_runs_ahead, 0)
    record = stage.world.ledger.record
    assert record.fields["b"] == "z"
    assert record.stamp("b")[1] == "s1"
