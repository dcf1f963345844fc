"""Merging is commutative, associative and idempotent: the same merges in any order, some twice, end the same."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sync_system.domain.fields import Field, FieldType, Value
from sync_system.domain.mapping import FieldRule, Rule
from sync_system.domain.record import Record, Stamp

RANKS = {"app": 3, "crm": 2, "shop": 1}
NAME = Field("name")
OPT_OUT = Field("opt_out", FieldType.CONSENT)


@dataclass(frozen=True)
class Merged:
    """One merge, as it is given to a record."""

    rule: FieldRule
    value: Value
    stamp: Stamp
    over: int


def merges(field, rules, values):
    """Lists of merges into one field; what shares a stamp is the same value, as it was one edit of one system."""
    times = st.integers(0, 12)
    one = st.builds(
        lambda rule, value, at, system, over: Merged(FieldRule(field, field.name, rule), value, (at, system), over),
        st.sampled_from(rules),
        st.sampled_from(values),
        times,
        st.sampled_from(sorted(RANKS)),
        st.integers(-1, 12),
    )
    return st.lists(one, max_size=8, unique_by=lambda merged: merged.stamp)


def reordered(lists):
    """A list of merges, and the same ones in another order with some of them repeated."""
    return lists.flatmap(
        lambda made: st.tuples(
            st.just(made), st.permutations([*made, *made[: len(made) // 2]]) if made else st.just([])
        )
    )


def state_after(made):
    record = Record("lead-1", "lead")
    for m in made:
        record.merge(m.rule, m.value, m.stamp, m.over, RANKS)
    return record.fields, {name: record.stamp(name) for name in record.fields}, record.registers


@given(reordered(merges(NAME, [Rule.TWO_WAY, Rule.IN_ONLY], ["Ann", "Bea", None])))
def test_order_of_plain_merges_does_not_matter(orders):
    assert state_after(orders[0]) == state_after(orders[1])


@given(reordered(merges(OPT_OUT, [Rule.TWO_WAY], [True, False, None])))
def test_order_of_consent_merges_does_not_matter(orders):
    assert state_after(orders[0]) == state_after(orders[1])


@given(reordered(merges(NAME, list(Rule)[:-1], ["Ann", "Bea", None])))
def test_order_of_classes_of_merges_does_not_matter(orders):
    assert state_after(orders[0]) == state_after(orders[1])


@given(merges(NAME, list(Rule)[:-1], ["Ann", "Bea", None]))
def test_merging_all_once_more_changes_nothing(made):
    assert state_after(made) == state_after([*made, *made])


@given(merges(NAME, [Rule.TWO_WAY], ["Ann", "Bea", None]))
def test_record_shows_the_greatest_stamp(made):
    fields, stamps, _ = state_after(made)
    if made:
        newest = max(made, key=lambda m: (m.stamp[0], RANKS[m.stamp[1]]))
        assert fields == {"name": newest.value}
        assert stamps == {"name": newest.stamp}


@given(merges(OPT_OUT, [Rule.TWO_WAY], [True, False]))
def test_opt_out_holds_until_typed_over(made):
    out = max((m.stamp[0] for m in made if m.value), default=-1)
    back = max((m.over for m in made if not m.value), default=-1)
    fields, _, _ = state_after(made)
    assert bool(fields.get("opt_out")) is (out > back)


def test_tie_goes_to_the_higher_rank():
    rule = FieldRule(NAME, "name")
    fields, _, _ = state_after([Merged(rule, "low", (5, "shop"), -1), Merged(rule, "high", (5, "app"), -1)])
    assert fields == {"name": "high"}


def test_removed_system_loses_every_tie():
    rule = FieldRule(NAME, "name")
    fields, _, _ = state_after([Merged(rule, "gone", (5, "old-crm"), -1), Merged(rule, "low", (5, "shop"), -1)])
    assert fields == {"name": "low"}


def test_merge_tells_what_was_kept_and_lost():
    record, rule = Record("lead-1", "lead"), FieldRule(NAME, "name")
    record.merge(rule, "Ann", (5, "app"), -1, RANKS)
    merge = record.merge(rule, "Bea", (4, "crm"), -1, RANKS)
    assert (merge.won, merge.changed, merge.kept, merge.lost) == (False, False, (5, "app"), (4, "crm"))
