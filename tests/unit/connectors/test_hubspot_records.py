"""HubSpot's records, errors and searches, without HubSpot."""

import pytest

from sync_system.connectors.http import Answer
from sync_system.connectors.hubspot.changes import Place
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.hubspot.problems import explained, invalid_properties, outcome_class, problem_in
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotSettings
from sync_system.connectors.hubspot.values import decoded, encoded
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass

INVALID = (
    'Property values were not valid: [{"isValid":false,"message":"Email address nobody is invalid",'
    '"error":"INVALID_EMAIL","name":"email"},{"isValid":false,"message":"must be a number","error":"INVALID_LONG",'
    '"name":"numemployees"}]'
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (50, "50"), ("12.5", "12.5"), ("Zoë", "Zoë")],
)
def test_values_are_sent_as_strings(value, text):
    assert encoded(value) == text


@pytest.mark.parametrize(
    ("raw", "type", "value"),
    [
        ("", FieldType.TEXT, None),
        (None, FieldType.BOOLEAN, None),
        ("true", FieldType.BOOLEAN, True),
        ("false", FieldType.CONSENT, False),
        ("50", FieldType.INTEGER, 50),
        ("12.50", FieldType.DECIMAL, "12.5"),
        ("1767225600000", FieldType.DATE, "2026-01-01"),
        ("2026-01-01T10:00:00.000Z", FieldType.DATETIME, "2026-01-01T10:00:00Z"),
        ("a;b", FieldType.TAGS, "a;b"),
        ("50-100", FieldType.INTEGER, "50-100"),  # a range where the account has an enumeration: left for the mapping
    ],
)
def test_strings_are_read_by_type(raw, type, value):
    assert decoded(raw, type) == value


def test_json_in_a_sentence_becomes_readable():
    problem = problem_in({"category": "VALIDATION_ERROR", "message": INVALID})
    assert problem.code == "INVALID_EMAIL"
    assert problem.message == "email: Email address 'nobody' is invalid; numemployees: must be a number"


@pytest.mark.parametrize(
    "text", ["", "Something else", "Property values were not valid: [{", "Property values were not valid: 1"]
)
def test_other_sentences_hold_no_properties(text):
    assert invalid_properties(text) == []


def test_the_row_in_the_way_is_named():
    problem = problem_in({"category": "CONFLICT", "message": "Contact already exists. Existing ID: 123"})
    assert problem.existing_id == "123"


def answer(status, document=None, headers=None):
    return Answer((), status, headers or {}, document)


@pytest.mark.parametrize(
    ("status", "document", "outcome", "wait"),
    [
        (429, {"category": "RATE_LIMITS", "policyName": "SECONDLY"}, OutcomeClass.UNAVAILABLE, 1),
        (429, {"category": "RATE_LIMITS", "policyName": "TEN_SECONDLY_ROLLING"}, OutcomeClass.UNAVAILABLE, 10),
        (429, {"category": "RATE_LIMITS", "policyName": "DAILY"}, OutcomeClass.UNAVAILABLE, 3_600),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, OutcomeClass.UNAVAILABLE, None),
        (403, {"category": "MISSING_SCOPES"}, OutcomeClass.UNAVAILABLE, None),
        (400, {"category": "VALIDATION_ERROR", "message": INVALID}, OutcomeClass.REJECTED, None),
        (409, {"category": "CONFLICT"}, OutcomeClass.CONFLICT, None),
        (423, {}, OutcomeClass.RETRY, 2),
        (477, None, OutcomeClass.UNAVAILABLE, None),
        (500, {"category": "INTERNAL_ERROR"}, OutcomeClass.RETRY, None),
        (500, None, OutcomeClass.UNCERTAIN, None),
        (502, None, OutcomeClass.UNCERTAIN, None),
        (503, None, OutcomeClass.UNAVAILABLE, None),
        (521, None, OutcomeClass.UNAVAILABLE, None),
        (524, None, OutcomeClass.UNCERTAIN, None),
        (
            400,
            {"message": "Unable to perform update/upsert by non-unique 0-1 property k"},
            OutcomeClass.UNAVAILABLE,
            None,
        ),
    ],
)
def test_a_failed_call_is_classed(status, document, outcome, wait):
    failed = answer(status, document)
    problem = explained(failed)
    assert (outcome_class(failed, problem.code), problem.retry_after) == (outcome, wait)


def test_paths_follow_the_version():
    old, new = (ObjectType(HubSpotObject(), version, {}) for version in ("v3", "2026-09"))
    assert old.path("batch/read") == "/crm/v3/objects/contacts/batch/read"
    assert new.path() == "/crm/objects/2026-09/contacts"
    assert new.properties_path == "/crm/properties/2026-09/contacts"


def test_settings_take_exactly_one_credential():
    with pytest.raises(ValueError, match="either `token` or `oauth`"):
        HubSpotSettings()


def walk(rows, limit):
    """Read all rows the way the poller does, from a pretend search; return their ids in the order first seen."""
    seen, place, calls = [], Place(), 0
    while place is not None:
        calls += 1
        found = sorted(rows, key=lambda row: row[::-1])
        if place.after_id is not None:
            found = sorted(row for row in rows if row[1] == place.at and row[0] > place.after_id)
        elif place.at is not None:
            found = [row for row in found if row[1] >= place.at]
        page = found[:limit]
        seen += [row for row, _ in page if row not in seen]
        last = page[-1] if page else (None, None)
        place = place.next(last[1], last[0], full=len(page) == limit)
        assert calls < 200
    return seen


@pytest.mark.parametrize(
    "times", [[5] * 11, [1, 1, 2, 2, 2, 2, 2, 3], list(range(20)), [1, 2, 2, 2, 2, 2, 2, 2, 9], []]
)
def test_pages_reach_every_row_also_within_one_time(times):
    rows = [(number + 1, at) for number, at in enumerate(times)]
    assert sorted(walk(rows, 3)) == [number for number, _ in rows]


def test_a_place_survives_the_cursor():
    for place in (Place(17), Place(17, 501), Place(17, 0)):
        assert Place.read(str(place)) == place
