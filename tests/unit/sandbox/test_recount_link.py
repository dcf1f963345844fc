"""The second opinion on two linked systems: each of its counts is zero where all is well, and counts what is not."""

import json
import subprocess
import sys
from contextlib import closing
from importlib.resources import files

import pytest

from sync_system.sandbox.application.store import Lead
from sync_system.sandbox.application.store import Store as Leads
from sync_system.sandbox.crm.store import Contact
from sync_system.sandbox.crm.store import Store as Contacts

SCRIPT = files("sync_system.sandbox").joinpath("recount_link.py")
NOTHING = {"created": 0, "created_twice": 0, "lost_edits": 0, "differences": 0, "wrong_pairs": 0}


class Systems:
    """Two systems on disk, the truth about them, and what was typed."""

    def __init__(self, folder):
        self.folder, self.edits = folder, []
        self.leads, self.contacts = Leads(folder / "application.db"), Contacts(folder / "crm.db")
        self.truth = {
            "people": {"application": {"1": 1, "2": 2, "3": 3, "4": 3}, "crm": {"501": 1, "502": 5, "503": 3}},
            "ambiguous": {"application": ["3", "4"], "crm": ["503"]},
            "refused": {"application": {}, "crm": {"502": "hs_lead_status"}},
        }
        self.lead(1, key="a", email=" Asha@Example.com", firstName="Ju\u0308rgen ", phone="098123 45678", stage="U")
        self.lead(2, key="b", email="only@example.com", phone="+919000000002")
        self.lead(3, email="twin@example.com")
        self.lead(4, email="twin@example.com")
        same = {
            "email": "asha@example.com",
            "firstname": "Jürgen",
            "phone": "+91 98123-45678",
            "email_opt_out": "false",
        }
        self.contact(501, sync_external_id="a", hs_lead_status="BAD_TIMING", **same)
        self.contact(502, email="refused@example.com", hs_lead_status="ON_HOLD")
        self.contact(503, email="twin@example.com", city="Pune")
        self.contact(504, sync_external_id="b", email="only@example.com", phone="9000000002")

    def lead(self, id, **values):
        self.leads.save([Lead(id, values, 1, 1, 1)])

    def contact(self, id, **properties):
        self.contacts.query("delete from contacts where id = ?", (id,))
        self.contacts.insert([Contact(id, properties, 1, 1)])

    def typed(self, side, row, field, value, at):
        self.edits.append({"side": side, "row": row, "field": field, "value": value, "at": at})

    def counted(self):
        truth, edits = self.folder / "truth.json", self.folder / "edits.jsonl"
        truth.write_text(json.dumps(self.truth))
        edits.write_text("\n".join(map(json.dumps, self.edits)))
        words = [sys.executable, "-I", SCRIPT, self.folder / "application.db", self.folder / "crm.db", truth, edits]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        found = json.loads(done.stdout)
        del found["examples"]
        bad = any(count for name, count in found.items() if name != "created")
        assert done.returncode == bad
        return {name: count for name, count in found.items() if count}


@pytest.fixture
def systems(tmp_path):
    made = Systems(tmp_path)
    with closing(made.leads), closing(made.contacts):
        yield made


def test_well_linked_systems_count_no_fault(systems):
    assert systems.counted() == {"created": 1}


def test_row_for_somebody_who_had_one_is_created_twice(systems):
    systems.lead(5, key="z", email="asha@example.com", firstName="Jürgen", phone="9812345678", stage="U")
    assert systems.counted() == {"created": 2, "created_twice": 1}


def test_two_rows_for_one_person_are_created_twice(systems):
    systems.contact(505, phone="+919000000002", email="only2@example.com")
    counted = systems.counted()
    assert (counted["created"], counted["created_twice"]) == (2, 1)


def test_row_for_a_held_one_is_created_twice(systems):
    systems.lead(5, email="twin@example.com")
    assert systems.counted() == {"created": 2, "created_twice": 1}


def test_row_for_a_mended_one_is_created_once(systems):
    systems.lead(5, key="r", email="refused@example.com")
    assert systems.counted() == {"created": 2}


def test_key_on_two_new_rows_is_created_twice(systems):
    systems.contacts.query("drop index contacts_key")
    systems.contact(505, sync_external_id="n", firstname="X")
    systems.contact(506, sync_external_id="n", firstname="Y")
    assert systems.counted() == {"created": 3, "created_twice": 1, "differences": 2}


def test_fields_of_a_pair_that_differ_are_counted(systems):
    systems.lead(
        1, key="a", email="asha@example.com", firstName="Jurgen", phone="+919812345678", stage="N", city="Pune"
    )
    assert systems.counted() == {"created": 1, "differences": 3}


def test_fields_of_a_created_row_that_differ_are_counted(systems):
    systems.contact(504, sync_external_id="b", email="only@example.com", phone="9000000002", city="Pune")
    assert systems.counted() == {"created": 1, "differences": 1}


def test_row_that_is_gone_is_a_difference(systems):
    systems.contacts.query("update contacts set archived = 1 where id = 503")
    assert systems.counted() == {"created": 1, "differences": 1}


def test_key_of_different_people_is_a_wrong_pair(systems):
    systems.lead(3, key="a2", email="twin@example.com")
    systems.contact(502, sync_external_id="a2", email="refused@example.com")
    assert systems.counted() == {"created": 1, "wrong_pairs": 1}


def test_edit_that_an_older_one_beat_is_lost(systems):
    systems.typed("application", "1", "firstName", "Jürgen", 1.0)
    systems.typed("crm", "501", "firstname", "Jorge", 2.0)
    assert systems.counted() == {"created": 1, "lost_edits": 1}


def test_newest_edit_that_stands_is_not_lost(systems):
    systems.typed("crm", "501", "firstname", "Jorge", 1.0)
    systems.typed("application", "1", "firstName", "Jürgen", 2.0)
    systems.typed("application", "2", "phone", "090000 00002", 2.0)
    assert systems.counted() == {"created": 1}


def test_edit_of_a_single_row_must_reach_the_other_side(systems):
    systems.typed("crm", "502", "hs_lead_status", "ON_HOLD", 1.0)
    assert systems.counted() == {"created": 1, "lost_edits": 1}


def test_edit_of_a_held_row_must_stand_on_it_alone(systems):
    systems.typed("crm", "503", "city", "Pune", 1.0)
    assert systems.counted() == {"created": 1}
    systems.typed("application", "4", "city", "Delhi", 2.0)
    assert systems.counted() == {"created": 1, "lost_edits": 1}
