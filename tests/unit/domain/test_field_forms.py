"""Normal forms of fields: what counts as the same value, what is refused, and that a refusal shows no personal data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_system.domain.fields import Field, FieldType, normal
from sync_system.errors import InvalidValue

T = FieldType
STAGE = ("new", "won")

SAME = [
    (T.TEXT, "  Ann ", "Ann"),
    (T.TEXT, "Zoe\u0308", "Zo\u00eb"),
    (T.TEXT, 42, "42"),
    (T.TEXT, "", None),
    (T.TEXT, "   ", None),
    (T.EMAIL, " Ann@Example.COM ", "ann@example.com"),
    (T.PHONE, "+44 20 7946 0958", "+442079460958"),
    (T.PHONE, "098765 43210", "+919876543210"),
    (T.PHONE, "ask at reception", "ask at reception"),
    (T.URL, " https://example.com/a ", "https://example.com/a"),
    (T.ENUM, " won ", "won"),
    (T.INTEGER, "12.0", 12),
    (T.INTEGER, 12, 12),
    (T.INTEGER, "-3", -3),
    (T.DECIMAL, "10.500", "10.5"),
    (T.DECIMAL, 1e3, "1000"),
    (T.DECIMAL, "-0.00", "0"),
    (T.BOOLEAN, "Yes", True),
    (T.BOOLEAN, 0, False),
    (T.CONSENT, "false", False),
    (T.DATE, "2026-02-28", "2026-02-28"),
    (T.DATE, "2026-02-28T23:30:00-02:00", "2026-03-01"),
    (T.DATETIME, "2026-02-28T12:00:00+02:00", "2026-02-28T10:00:00Z"),
    (T.DATETIME, "2026-02-28T10:00:00", "2026-02-28T10:00:00Z"),
    (T.DATETIME, "2026-02-28T10:00:00.000900Z", "2026-02-28T10:00:00Z"),
    (T.DATETIME, 1772272800, "2026-02-28T10:00:00Z"),
    (T.DATETIME, "1772272800123", "2026-02-28T10:00:00.123Z"),
    (T.TAGS, ["b", "a", "b", ""], "a;b"),
    (T.TAGS, " b ; a;b ", "a;b"),
    (T.TAGS, ["b; a", "c"], "a;b;c"),
    (T.TAGS, [], None),
]


@pytest.mark.parametrize(("type", "raw", "expected"), SAME)
def test_value_has_one_normal_form(type, raw, expected):
    value = normal(Field("f", type, values=STAGE if type is T.ENUM else ()), raw, "IN")
    assert (value, value.__class__) == (expected, expected.__class__)


@pytest.mark.parametrize("type", FieldType)
@pytest.mark.parametrize("raw", [None, ""])
def test_nothing_is_null_in_every_type(type, raw):
    assert normal(Field("f", type), raw) is None


BAD = [
    (T.TEXT, {"a": 1}),
    (T.TEXT, True),
    (T.TEXT, "ann\x00secret"),
    (T.EMAIL, "secret-ann"),
    (T.EMAIL, "secret@ann"),
    (T.EMAIL, "a@b.example, secret@example.com"),
    (T.INTEGER, "12.5"),
    (T.INTEGER, "secret"),
    (T.INTEGER, True),
    (T.DECIMAL, "secret"),
    (T.DECIMAL, "NaN"),
    (T.DECIMAL, [1]),
    (T.BOOLEAN, "secret"),
    (T.BOOLEAN, 7),
    (T.BOOLEAN, []),
    (T.CONSENT, {}),
    (T.DATE, "2026-02-30"),
    (T.DATE, "secret"),
    (T.DATETIME, "secret"),
    (T.DATETIME, {}),
    (T.DATETIME, "9" * 30),
    (T.TAGS, [{"secret": 1}]),
    (T.TAGS, {"secret": 1}),
]


@pytest.mark.parametrize(("type", "raw"), BAD)
def test_bad_value_is_refused_without_showing_it(type, raw):
    with pytest.raises(InvalidValue, match="shown_field: ") as caught:
        normal(Field("shown_field", type), raw)
    assert caught.value.field == "shown_field"
    assert "secret" not in str(caught.value)


def test_unknown_choice_names_the_choices():
    with pytest.raises(InvalidValue, match="'lost' is none of new, won"):
        normal(Field("stage", T.ENUM, values=STAGE), "lost")


def test_too_long_a_value_tells_both_lengths():
    with pytest.raises(InvalidValue, match="f: has 5 characters, 4 are allowed"):
        normal(Field("f", max_length=4), "abcde")


RAW = {
    T.TEXT: st.text(),
    T.EMAIL: st.emails(),
    T.PHONE: st.one_of(st.from_regex(r"\+?[0-9 ()-]{4,16}", fullmatch=True), st.text(max_size=8)),
    T.URL: st.text(),
    T.ENUM: st.sampled_from(STAGE),
    T.INTEGER: st.integers(),
    T.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False).map(str),
    T.BOOLEAN: st.sampled_from(["yes", "no", True, False, 1, 0, "TRUE"]),
    T.CONSENT: st.booleans(),
    T.DATE: st.dates().map(str),
    T.DATETIME: st.datetimes().map(str),
    T.TAGS: st.lists(st.text()),
}


@pytest.mark.parametrize("type", FieldType)
@given(data=st.data())
def test_normal_form_of_a_normal_form_is_itself(type, data):
    field = Field("f", type)
    try:
        once = normal(field, data.draw(RAW[type]), "IN")
    except InvalidValue:
        return
    assert normal(field, once, "IN") == once
