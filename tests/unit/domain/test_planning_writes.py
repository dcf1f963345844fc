"""What a system lacks: the record in its own form minus what it holds, and nothing once that is written."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_system.domain import decisions
from sync_system.domain.decisions import Report
from sync_system.domain.fields import Field, FieldType
from sync_system.domain.link import Link
from sync_system.domain.mapping import FieldRule, Rule, SystemRules
from sync_system.domain.planning import Wanted, wanted
from sync_system.domain.record import Record
from sync_system.domain.settle import Reply

STATUS = Field("status", FieldType.ENUM)
FOLD = {"new": "N", "contacted": "W", "qualified": "W"}
FIELDS = {
    "name": FieldRule(Field("name"), "Name"),
    "city": FieldRule(Field("city"), "City", max_length=4, cut=True),
    "company": FieldRule(Field("company"), "Company", default="unknown"),
    "status": FieldRule(STATUS, "Stage", to_own=FOLD, from_own={"N": "new", "W": "contacted"}),
    "opt_out": FieldRule(Field("opt_out", FieldType.CONSENT), "OptOut"),
    "owner": FieldRule(Field("owner"), "Owner", Rule.IN_ONLY),
}
APP = SystemRules("app", FIELDS | {"city": FieldRule(Field("city"), "city")}, rank=2)
CRM = SystemRules("crm", FIELDS, rank=1)
RANKS = {"app": 2, "crm": 1}

TEXTS = st.sampled_from(["Ann", "Mumbai", "Acme Ltd"])
ROWS = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "city": TEXTS | st.none(),
        "company": TEXTS | st.none(),
        "status": st.sampled_from(["N", "W", None]),
        "opt_out": st.booleans(),
        "owner": TEXTS,
    },
)


def told(system, at, row):
    return Report(f"{system}-1", at, at, row)


def written(record, link, at, cut):
    """Claim, write and settle; `cut`: how many characters of a text the system keeps, whatever the mapping says."""
    intent = decisions.claim(record, link, CRM, 1, at, at + 20).intent
    if intent is None:
        return
    link.intents.append(intent)
    stored = {n: x[:cut] if isinstance(x, str) and FIELDS[n].cuttable else x for n, x in intent.diff.items()}
    whole = link.external_id is None
    decisions.done(record, link, CRM, intent, Reply(at + 1, at + 1, stored, whole=whole), RANKS)
    link.external_id = "crm-1"


@given(ROWS, st.integers(1, 9))
def test_nothing_is_lacking_after_a_create(row, cut):
    record, link = Record("lead-1", "lead"), Link("lead-1", "crm")
    decisions.take_in(record, Link("lead-1", "app", "app-1"), APP, told("app", 10, row), RANKS)
    written(record, link, 20, cut)
    assert wanted(record, link, CRM) == Wanted()


@given(ROWS, ROWS, st.integers(1, 9), st.sampled_from([5, 15]))
def test_nothing_is_lacking_after_a_write(row, theirs, cut, at):
    record, link = Record("lead-1", "lead"), Link("lead-1", "crm", "crm-1")
    decisions.take_in(record, Link("lead-1", "app", "app-1"), APP, told("app", 10, row), RANKS)
    decisions.looked(record, link, CRM, told("crm", at, theirs), RANKS)
    written(record, link, 30, cut)
    assert wanted(record, link, CRM) == Wanted()
    assert link.intents == []


@given(ROWS, ROWS)
def test_look_after_a_write_finds_nothing_new(row, theirs):
    record, link = Record("lead-1", "lead"), Link("lead-1", "crm", "crm-1")
    decisions.take_in(record, Link("lead-1", "app", "app-1"), APP, told("app", 10, row), RANKS)
    decisions.looked(record, link, CRM, told("crm", 15, theirs), RANKS)
    written(record, link, 30, 3)
    before = dict(record.fields)
    decisions.looked(record, link, CRM, told("crm", 31, {n: link.held(n).x for n in FIELDS}), RANKS)
    assert (record.fields, wanted(record, link, CRM)) == (before, Wanted())


def test_create_writes_no_blanks_but_defaults():
    record = Record("lead-1", "lead", {"name": "Ann", "city": None, "owner": "Bea"}, (10, "app"))
    assert wanted(record, None, CRM) == Wanted({"name": "Ann", "company": "unknown"})


def test_update_writes_a_cleared_field_as_null():
    record = Record("lead-1", "lead", {"name": None}, (10, "app"))
    link = Link("lead-1", "crm", "crm-1")
    decisions.looked(record, link, CRM, told("crm", 5, {"name": "Ann", "company": "Acme"}), RANKS)
    record.merge(FIELDS["name"], None, (20, "app"), 5, RANKS)
    assert wanted(record, link, CRM).diff == {"name": None}


def test_value_without_an_own_form_refuses_the_write():
    record = Record("lead-1", "lead", {"status": "converted"}, (10, "app"))
    want = wanted(record, None, CRM)
    assert want.refused == "Stage: the status 'converted' has no counterpart in this system"
    assert want.anything
    assert decisions.claim(record, None, CRM, 1, 20, 40).intent is None


def test_system_that_cannot_be_looked_at_is_written_at_once():
    blind = SystemRules("crm", FIELDS, rank=1, can_look=False)
    record = Record("lead-1", "lead", {"name": "Ann"}, (10, "app"))
    claimed = decisions.claim(record, Link("lead-1", "crm", "crm-1", verify=True), blind, 1, 20, 40)
    assert (claimed.look, claimed.intent.diff["name"]) == (False, "Ann")


@pytest.fixture
def sent():
    """A write under way: the record says Bea, the CRM is known to hold Ann."""
    record, link = Record("lead-1", "lead"), Link("lead-1", "crm", "crm-1")
    decisions.take_in(record, link, CRM, told("crm", 10, {"name": "Ann", "company": "Acme"}), RANKS)
    record.merge(FIELDS["name"], "Bea", (20, "app"), 10, RANKS)
    intent = decisions.claim(record, link, CRM, 7, 30, 50).intent
    link.intents.append(intent)
    return SimpleNamespace(record=record, link=link, intent=intent)


def test_refused_write_closes_its_intent(sent):
    decisions.refused(sent.link, sent.intent)
    assert (sent.link.intents, sent.link.verify) == ([], False)


def test_conflict_closes_its_intent_and_looks(sent):
    decisions.conflicted(sent.link, sent.intent)
    assert (sent.link.intents, sent.link.verify) == ([], True)


def test_write_left_open_keeps_its_intent_once(sent):
    decisions.left_open(sent.link, sent.intent)
    decisions.left_open(sent.link, sent.intent)
    assert (sent.link.intents, sent.link.verify) == ([sent.intent], True)


def test_intent_is_forgotten_when_reports_can_no_longer_be_late(sent):
    sent.link.forget(sent.intent.hi)
    assert sent.link.intents == [sent.intent]
    sent.link.forget(sent.intent.hi + 1)
    assert sent.link.intents == []


def test_same_write_has_the_same_digest():
    one, same = Wanted({"a": 1, "b": None}), Wanted({"b": None, "a": 1})
    assert one.digest == same.digest
    assert len({one.digest, Wanted({"a": 1}).digest, Wanted(refused="no").digest}) == 3
