"""A row that is deleted in one system: its link becomes a tombstone, and the lead lives on elsewhere."""

import pytest

from sync_system.domain.planning import NOTHING, wanted


@pytest.fixture
def deleted(lead):
    """A lead that both systems held until the CRM's row was deleted at 50."""
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.create("crm", 20)
    made.delete("crm", 50)
    return made


def test_delete_leaves_the_record_alone(deleted):
    assert deleted.fields == {"name": "Ann"}
    assert deleted.links["crm"].deleted_at == 50
    assert deleted.lacks("app") == {}


def test_deleted_row_is_not_written_again(deleted):
    deleted.edit("app", 60, name="Bea")
    assert wanted(deleted.record, deleted.links["crm"], deleted.rules["crm"]) == NOTHING
    assert deleted.claim("crm", 61).intent is None


def test_deleted_row_is_not_looked_at(deleted):
    deleted.links["crm"].verify = True
    assert not deleted.claim("crm", 60).look


@pytest.mark.parametrize("at", [40, 50])
def test_late_report_from_before_the_delete_is_stale(deleted, at):
    assert deleted.edit("crm", at, now=60, name="Old") == ["STALE"]
    assert deleted.fields == {"name": "Ann"}
    assert deleted.links["crm"].deleted_at == 50


def test_second_delete_is_stale(deleted):
    assert deleted.delete("crm", 70) == ["STALE"]
    assert deleted.links["crm"].deleted_at == 50


def test_report_after_the_delete_revives_the_row(deleted):
    assert deleted.edit("crm", 60, name="Bea") == ["EDIT"]
    assert deleted.links["crm"].deleted_at is None
    assert deleted.fields == {"name": "Bea"}
    assert deleted.lacks("app") == {"name": "Bea"}


def test_revived_row_gets_what_it_missed(deleted):
    deleted.edit("app", 60, city="Pune")
    deleted.report("crm", 70, name="Ann")
    assert deleted.lacks("crm") == {"city": "Pune"}


def test_look_that_finds_no_row_makes_a_tombstone(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.create("crm", 20)
    made.look("crm", 30)
    assert made.links["crm"].deleted_at is not None
    made.edit("app", 40, name="Bea")
    assert made.lacks("crm") == {}


def test_look_that_finds_no_created_row_lets_it_be_created(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, name="Ann")
    made.claim("crm", 20)
    link = made.links["crm"]
    link.external_id, link.verify = None, True
    assert made.look("crm", 30) == []
    assert made.claim("crm", 31).intent.diff == {"name": "Ann"}
