"""A row that is seen for the first time: of a new lead, or of one that another system already knows."""

import pytest

from sync_system.domain.decisions import Report, outcome_of, take_in
from sync_system.domain.link import Link
from sync_system.domain.observe import Receipt, Row


def test_first_report_makes_the_record(lead):
    made = lead(app={}, crm={})
    assert made.report("app", 10, name="Ann", city=None, opt_out=False) == ["FIRST_SEEN"]
    assert made.fields == {"name": "Ann", "opt_out": False}
    assert made.record.stamp("name") == (10, "app")
    assert made.lacks("app") == {}


def test_first_report_from_the_future_is_clamped(lead):
    made = lead(app={})
    made.report("app", 500, now=10, name="Ann")
    assert made.record.stamp("name") == (15, "app")


def test_blank_in_a_row_clears_nothing_elsewhere(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann", city="Pune")
    made.report("crm", 20, name="Ann", city=None)
    assert made.fields["city"] == "Pune"
    assert made.lacks("crm") == {"city": "Pune"}
    assert made.lacks("app") == {}


def test_cleared_field_that_a_report_names_is_cleared(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, city="Pune")
    made.edit("crm", 20, city=None)
    assert made.fields["city"] is None


@pytest.mark.parametrize(("at", "name"), [(5, "Ann"), (20, "Bea")])
def test_values_of_two_rows_merge_by_stamp(lead, at, name):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.report("crm", at, now=30, name="Bea", city="Pune")
    assert made.fields == {"name": name, "city": "Pune"}


def test_loser_of_a_conflict_is_corrected(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.report("crm", 5, now=30, name="Bea")
    assert made.lacks("crm") == {"name": "Ann"}
    assert made.lacks("app") == {}


def test_unseen_field_is_looked_at_before_it_is_written(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann", city="Pune")
    made.edit("crm", 20, name="Ann")
    assert made.claim("crm", 30).look
    made.look("crm", 20, now=31, name="Ann", city="Delhi")
    assert made.fields["city"] == "Delhi"
    assert made.lacks("crm") == {}


def test_look_notes_what_a_row_leaves_blank(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann", city="Pune")
    made.look("crm", 20, name="Ann")
    claimed = made.claim("crm", 30)
    assert (claimed.look, claimed.intent.diff) == (False, {"city": "Pune"})


def test_report_of_a_created_row_is_an_echo(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.links["crm"] = Link("lead-1", "crm")
    made.claim("crm", 20)
    assert made.report("crm", 22, name="Ann") == ["ECHO"]
    assert made.record.stamp("name") == (10, "app")


def test_report_too_old_to_judge_asks_for_a_look(lead):
    made = lead(app={}, crm={})
    made.report("app", 5_000, name="Ann")
    assert made.report("app", 3_000, now=5_001, name="Old") == ["TOO_LATE"]
    assert made.fields["name"] == "Ann"
    assert made.links["app"].verify


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([Row.CONFIRMED, Row.EDIT], "accepted"),
        ([Row.FIRST_SEEN], "accepted"),
        ([Row.LATE_EDIT, Row.STALE], "accepted"),
        ([Row.CONFIRMED, Row.ECHO], "no_change"),
        ([Row.BEFORE_OR_REVERT], "no_change"),
        ([], "no_change"),
        ([Row.CONFIRMED, Row.STALE], "stale"),
        ([Row.OLD_NEWS], "stale"),
        ([Row.TOO_LATE], "stale"),
    ],
)
def test_receipts_add_up_to_an_outcome(rows, outcome):
    assert outcome_of([Receipt("name", row) for row in rows]) == outcome


def test_etag_of_an_older_report_does_not_come_back(lead):
    made = lead(crm={})
    for at, etag in [(10, "v1"), (30, "v3"), (20, "v2")]:
        report = Report("crm-1", at, 40, {"name": "Ann"}, etag=etag)
        take_in(made.record, made.link("crm"), made.rules["crm"], report, made.ranks)
    assert made.links["crm"].etag == "v3"
