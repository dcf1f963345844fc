"""The two forms of a value, canonical and a system's own: round trips are stable, and a cut is not carried back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import FieldRule
from sync_system.errors import InvalidValue, MappingRefused

STATUS = Field("status", FieldType.ENUM, values=("new", "contacted", "qualified"))
FOLDED = FieldRule(
    STATUS, "Stage", to_own={"new": "N", "contacted": "W", "qualified": "W"}, from_own={"N": "new", "W": "contacted"}
)
NUMBERED = FieldRule(STATUS, "stage_id", to_own={"new": 1, "contacted": 2}, from_own={1: "new", 2: "contacted"})
PLAIN = FieldRule(Field("city"), "City")
CUT = FieldRule(Field("city"), "City", max_length=5, cut=True)
SHORT = FieldRule(Field("city"), "City", max_length=5)
FILLED = FieldRule(Field("company"), "Company", default="unknown")

STATUSES = st.sampled_from([*STATUS.values, None])
TEXTS = st.none() | st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
CANONICAL = {"folded": (FOLDED, STATUSES), "plain": (PLAIN, TEXTS), "cut": (CUT, TEXTS), "default": (FILLED, TEXTS)}
OWN = {
    "folded": (FOLDED, st.sampled_from(["N", "W", None])),
    "numbered": (NUMBERED, st.sampled_from([1, 2, None])),
    "plain": (PLAIN, TEXTS),
    "cut": (CUT, TEXTS.map(lambda x: (x and x[:5].strip()) or None)),
}


@pytest.mark.parametrize(("rule", "values"), CANONICAL.values(), ids=CANONICAL)
@given(data=st.data())
def test_value_comes_back_as_it_was_sent(rule, values, data):
    value = data.draw(values)
    assert rule.from_system(rule.to_system(value), value) == value


@pytest.mark.parametrize(("rule", "values"), OWN.values(), ids=OWN)
@given(data=st.data())
def test_own_value_is_carried_back_unchanged(rule, values, data):
    own, current = data.draw(values), data.draw(STATUSES if rule.to_own else TEXTS)
    assert rule.to_system(rule.from_system(own, current)) == own


@pytest.mark.parametrize(
    ("rule", "value", "own"),
    [
        (PLAIN, "Pune", "Pune"),
        (PLAIN, None, None),
        (FOLDED, "qualified", "W"),
        (FOLDED, None, None),
        (NUMBERED, "new", 1),
        (CUT, "Mumbai", "Mumba"),
        (CUT, "Pune B", "Pune"),  # no blank is left where it was cut
        (FILLED, None, "unknown"),
        (FILLED, "Acme", "Acme"),
    ],
)
def test_value_is_written_in_own_form(rule, value, own):
    assert rule.to_system(value) == own


@pytest.mark.parametrize(
    ("rule", "own", "current", "value"),
    [
        (FOLDED, "W", "qualified", "qualified"),
        (FOLDED, "W", "contacted", "contacted"),
        (FOLDED, "W", "new", "contacted"),
        (FOLDED, None, "new", None),
        (NUMBERED, 2, "qualified", "contacted"),  # "qualified" has no own form here
        (CUT, "Mumba", "Mumbai", "Mumbai"),
        (CUT, "Delhi", "Mumbai", "Delhi"),
        (SHORT, "Pune", "Mumbai", "Pune"),  # "Mumbai" would be refused, so it cannot be what stands there
        (FILLED, "unknown", None, None),
    ],
)
def test_own_value_keeps_what_already_maps_to_it(rule, own, current, value):
    assert rule.from_system(own, current) == value


@pytest.mark.parametrize(
    ("rule", "value", "sentence"),
    [
        (NUMBERED, "qualified", "stage_id: the status 'qualified' has no counterpart in this system"),
        (SHORT, "Mumbai", "City: has 6 characters, the system takes 5"),
    ],
)
def test_mapping_refuses_what_it_cannot_write(rule, value, sentence):
    with pytest.raises(MappingRefused) as caught:
        rule.to_system(value)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("rule", "raw", "own"),
    [
        (PLAIN, " Pune ", "Pune"),
        (PLAIN, "", None),
        (FOLDED, " W ", "W"),
        (FOLDED, None, None),
        (FOLDED, "", None),
        (NUMBERED, 2, 2),
        (CUT, "Bengaluru", "Bengaluru"),  # what stands there may be longer than what we would write
    ],
)
def test_report_is_read_in_own_form(rule, raw, own):
    assert rule.read(raw) == own


@pytest.mark.parametrize("raw", ["X", 3])
def test_unmapped_own_value_names_the_mapped_ones(raw):
    with pytest.raises(InvalidValue, match="is not mapped to a value of status; mapped are N, W") as caught:
        FOLDED.read(raw)
    assert caught.value.field == "Stage"


@pytest.mark.parametrize(
    ("type", "sent", "seen", "is_image"),
    [
        (FieldType.TEXT, "Mumbai", "Mumbai", True),
        (FieldType.TEXT, "Mumbai", "Mum", True),
        (FieldType.TEXT, "Mum", "Mumbai", False),
        (FieldType.TEXT, "Mumbai", None, False),
        (FieldType.TEXT, None, None, True),
        (FieldType.ENUM, "converted", "con", False),
        (FieldType.INTEGER, 12, 1, False),
        (FieldType.DECIMAL, "12.5", "12", False),
        (FieldType.DATE, "2026-02-28", "2026", False),
        (FieldType.CONSENT, True, True, True),
    ],
)
def test_only_texts_can_be_cut(type, sent, seen, is_image):
    assert FieldRule(Field("f", type), "f").is_image(sent, seen) is is_image
