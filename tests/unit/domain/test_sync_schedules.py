"""Random schedules in every kind of world, and what a quiet edit costs."""

import random
from collections import Counter

import pytest

from tests.simulation.__main__ import main
from tests.simulation.kinds import BEYOND_SKEW, COINCIDENT, DISTINCT, KINDS, play
from tests.simulation.lead import CUTTING, FIELDS, START, TYPED, own_form, stored
from tests.simulation.sweep import MOST_UNFAIR, Tally, broken, summary
from tests.simulation.verdict import Fault
from tests.simulation.world import World

SHARES, SHARE = range(4), 84  # of six kinds: 2,016 schedules


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", DISTINCT, ids=lambda kind: kind.name)
def test_no_edit_is_lost_without_a_coincidence(kind, share):
    outcomes = [play(seed, kind)[1] for seed in range(share * SHARE, (share + 1) * SHARE)]
    assert [o for o in outcomes if o.verdict] == []
    assert_few_calls(outcomes)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", [*COINCIDENT, *BEYOND_SKEW], ids=lambda kind: kind.name)
def test_schedules_converge_and_come_to_rest(kind, share):
    outcomes = [play(seed, kind)[1] for seed in range(share * SHARE, (share + 1) * SHARE)]
    assert [o for o in outcomes if o.verdict and o.verdict.fault is not Fault.UNFAIR] == []
    assert sum(o.verdict is not None for o in outcomes) <= 3 + SHARE * MOST_UNFAIR
    assert_few_calls(outcomes)


def assert_few_calls(outcomes):
    """About four edits a schedule cost at most a write for each other system, and seldom a look."""
    assert sum(o.writes for o in outcomes) < 5 * len(outcomes)
    assert sum(o.looks for o in outcomes) < 2.5 * len(outcomes)


def test_seed_always_tells_the_same_story():
    first, second = [], []
    play(344, KINDS["coarse-mixed"], lambda *words: first.append(words))
    play(344, KINDS["coarse-mixed"], lambda *words: second.append(words))
    assert first == second != []


def quiet_world(seed):
    """One edit in a world without faults; return the world, and what each system held before."""
    rng = random.Random(seed)
    world = World(rng, 3)
    number, name = rng.randrange(3), rng.choice(FIELDS)
    before = [dict(system.values) for system in world.systems]
    world.person(number, name, own_form(number, name, rng.choice(TYPED[name])))
    world.drain()
    return world, before, number, name


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_quiet_edit_costs_one_write_per_system(first):
    for seed in range(first, first + 50):
        world, before, number, name = quiet_world(seed)
        value = world.ledger.record.fields[name]
        needed = {
            s
            for s in range(3)
            if s != number and own_form(s, name, value) not in (before[s][name], own_form(s, name, START[name]))
        }
        assert world.written == Counter(needed), seed


def test_quiet_edit_needs_no_look_where_nothing_cuts():
    for seed in range(200):
        world, _, _, name = quiet_world(seed)
        value = own_form(CUTTING, name, world.ledger.record.fields[name])
        if stored(CUTTING, name, value) == value:
            assert world.delivery.looks == 0, seed


def test_command_replays_a_schedule_by_seed(capsys):
    assert main(["replay", "344", "coarse-mixed"]) == 0
    assert "verdict: converged, nobody wronged" in capsys.readouterr().out


def test_command_names_the_kinds_of_world(capsys):
    assert main(["replay", "344", "nowhere"]) == 2
    assert "coarse-mixed" in capsys.readouterr().err


def test_summary_keeps_the_excluded_clock_apart():
    tallies = {name: Tally(schedules=1, writes=2, looks=1) for name in KINDS}
    assert broken(tallies) == []
    assert summary(tallies) == {
        "schedules": 5,
        "not_converged": 0,
        "endless": 0,
        "unfair": 0,
        "unfair_fine": 0,
        "writes": 10,
        "looks": 5,
        "clock_beyond_skew": {"schedules": 1, "not_converged": 0, "endless": 0},
    }


@pytest.mark.parametrize(
    ("kind", "fault", "faults", "is_broken"),
    [
        ("fine-stamped", Fault.NOT_CONVERGED, 1, True),
        ("coarse-mixed", Fault.ENDLESS, 1, True),
        ("clock-ahead", Fault.ENDLESS, 1, True),
        ("clock-ahead", Fault.NOT_CONVERGED, 5, False),
        ("fine-bare", Fault.UNFAIR, 2, False),
        ("fine-bare", Fault.UNFAIR, 3, True),
        ("coarse-mixed", Fault.UNFAIR, 14, False),
        ("coarse-mixed", Fault.UNFAIR, 15, True),
    ],
)
def test_broken_promise_is_named(kind, fault, faults, is_broken):
    tallies = {name: Tally(schedules=1_000) for name in KINDS}
    tallies[kind].faults[fault] = faults
    assert bool(broken(tallies)) is is_broken
