"""From an event in a system's own words to a report: what is bare, what is unsure, what names only changes."""

import pytest

from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.mapping import FieldRule, Rule, SystemRules
from sync_system.domain.objects import LEAD_FIELDS, ObjectSpec
from sync_system.errors import InvalidEvent
from sync_system.messaging.envelope import Event
from sync_system.services.reading import Reader

NOW = 1_767_225_600_000_000
RULES = SystemRules(
    "crm",
    {
        "email": FieldRule(LEAD_FIELDS["email"], "Email"),
        "phone": FieldRule(LEAD_FIELDS["phone"], "Phone"),
        "city": FieldRule(LEAD_FIELDS["city"], "City", rule=Rule.IGNORE),
        "status": FieldRule(LEAD_FIELDS["status"], "Status", to_own={"new": "N"}, from_own={"N": "new", "O": "new"}),
    },
)


def reader(**route):
    spec = ObjectSpec("lead", LEAD_FIELDS, (("email",),), "IN")
    known = Route(RULES, **{"key_field": "Key", "lookups": frozenset({"ids"})} | route)
    return Reader(Catalog({"lead": spec}, {"lead": {"crm": known}}, {"crm": 1}))


def event(data=None, verb="updated", at=NOW, **more):
    return Event("e1", "crm", "lead", verb, "501", at, data, **more)


def test_values_come_in_their_normal_form():
    data = {"Key": None, "Email": " Ann@Example.COM ", "Phone": "098765 43210", "Status": "O", "Other": {"a": 1}}
    report = reader().read(event(data), NOW).report
    assert report.values == {"email": "ann@example.com", "phone": "+919876543210", "status": "O"}


def test_field_that_is_ignored_may_hold_anything():
    assert reader().read(event({"City": ["a", "list"]}), NOW).report.values == {}


def test_canonical_names_and_values_are_translated():
    report = reader().read(event({"email": "a@example.com", "status": "new"}, canonical=True), NOW).report
    assert report.values == {"email": "a@example.com", "status": "N"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (event(None), (True, False)),
        (event({"Email": "a@example.com"}), (False, True)),
        (event({"Email": "a@example.com", "Key": None}), (False, False)),
        (event({"Email": "a@example.com", "Key": "abc"}), (False, False)),
        (event({"Phone": "098765 43210", "Key": None}), (False, True)),
        (event({"Phone": "098765 43210", "Key": None}, verb="created"), (False, False)),
        (event({"Phone": "098765 43210", "Key": "abc"}), (False, False)),
        (event(None, verb="deleted"), (False, False)),
    ],
    ids=[
        "without values",
        "silent about the key",
        "without a key",
        "with a key",
        "an edit without the match field",
        "a creation without it",
        "without it but with a key",
        "deleted",
    ],
)
def test_what_must_be_looked_at_is_known(given, expected):
    arrival = reader().read(given, NOW)
    assert (arrival.bare, arrival.unsure) == expected


def test_row_that_cannot_be_looked_at_is_never_unsure():
    assert not reader(lookups=frozenset()).read(event({"Email": "a@example.com"}), NOW).unsure


@pytest.mark.parametrize(
    ("verb", "told", "configured", "exact"),
    [
        ("updated", True, False, True),
        ("updated", False, True, False),
        ("updated", None, True, True),
        ("updated", None, False, False),
        ("created", None, True, False),
    ],
)
def test_event_that_names_only_changes_is_known(verb, told, configured, exact):
    given = event({"Email": "a@example.com"}, verb=verb, changes=told)
    assert reader(changes=configured).read(given, NOW).report.exact is exact


def test_event_without_a_time_is_of_now():
    assert reader().read(event({"Key": None}, at=None), NOW).report.at == NOW


def test_every_bad_field_is_named_and_none_shown():
    with pytest.raises(InvalidEvent) as caught:
        reader().read(event({"Email": "secret", "Status": ["secret"]}), NOW)
    assert "data.Email" in str(caught.value)
    assert "data.Status" in str(caught.value)
    assert "secret" not in str(caught.value)
