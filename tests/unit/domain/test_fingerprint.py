"""A cause keeps its fingerprint whatever the record is, and another cause has another."""

import itertools

import pytest

from sync_system.domain.fingerprint import cause, fingerprint

# Sentences in a row have one cause; every row is a cause of its own.
CAUSES = [
    ["email 'a@example.com' is invalid", 'email "x.y+z@mail.example.org" is invalid'],
    ["Contact already exists. Existing ID: 501", "Contact already exists. Existing ID: 99120034"],
    ["lead 0192f0c4-7a2b-7c11-9c3e-0123456789ab is locked", "lead 8d3f1b2a-0000-4fff-8abc-ffffffffffff is locked"],
    ["request 9f86d081884c7d65 was refused", "request 2c26b46b68ffc68f was refused"],
    ["row 003xx000004TmiQAAS is being merged", "row 003xx000009AbcDAAS is being merged"],
    ["phone +91 98765 43210 is no number", "phone +919812345678 is no number", "phone (020) 7946-0958 is no number"],
    ["changed at 2026-11-22T19:17:38Z by another user", "changed at 2025-01-02 03:04:05.678+05:30 by another user"],
    ["try again after Sun, 22 Nov 2026 19:17:38 GMT", "try again after Mon, 3 Aug 2026 01:02:03 GMT"],
    ["locked until Nov 22, 2026 at 7:17 PM", "locked until Aug 3, 2026 at 11:02 AM"],
    ["has 121 characters, the system takes 120", "has 4,096 characters, the system takes 120"],
    ["the status 'weird' has no counterpart in this system", "the status 'lost' has no counterpart in this system"],
    ["the rating 'weird' has no counterpart in this system", "the rating 'icy' has no counterpart in this system"],
    ['Property "shoe_size" does not exist'],
    ['Property "hat_size" does not exist'],
    ["field 'address_line_1' is required"],
    ["field 'address_line_2' is required"],
    ['"lastname" is required'],
    ['"firstname" is required'],
    ["company is required"],
    ["HTTP 500"],
    ["HTTP 422"],
    ["email is required"],
    ["Email: invalid email address: x", "Email: invalid email address: not an address"],
    ["amount: 'O''Brien' isn't a number, and can't be one", "amount: 'Smith' isn't a number, and can't be one"],
    ['refused: {"code": "LOCKED", "id": "17", "trace": "ab"}', 'refused: {"trace": "zz", "code": "LOCKED", "id": "9"}'],
    ['refused: {"code": "GONE", "id": "17"}'],
    ['not valid: [{"error": "INVALID_EMAIL", "name": "email", "message": "nobody is invalid"}]',
     'not valid: [{"error": "INVALID_EMAIL", "name": "email", "message": "somebody is invalid"}]'],
    ['not valid: [{"error": "INVALID_EMAIL", "name": "work_email", "message": "nobody is invalid"}]'],
    ["options are [true, false]"],
    ["https://crm.example.com/contacts/17 answered with 500", "https://crm.example.com/contacts/18?x=1 answered with 502"],
    ["duplicate value found: duplicates value on record with id 00Q1", "duplicate value found: other"],
    ["The lead lead-7f3a was changed", "The lead lead-000192 was changed"],
    ["contact „a b“ is barred", "contact „c d“ is barred"],
]  # fmt: skip


def id_of(message):
    return fingerprint("rejected", "", "lead", message)


@pytest.mark.parametrize("messages", CAUSES, ids=lambda messages: messages[0][:40])
def test_same_cause_has_the_same_fingerprint(messages):
    assert len({id_of(message) for message in messages}) == 1, [cause(m) for m in messages]


def test_different_causes_have_different_fingerprints():
    first = [messages[0] for messages in CAUSES]
    assert [(a, b) for a, b in itertools.combinations(first, 2) if id_of(a) == id_of(b)] == []


def test_class_code_and_object_are_part_of_the_cause():
    calls = [("rejected", "A", "lead"), ("retry", "A", "lead"), ("rejected", "B", "lead"), ("rejected", "A", "deal")]
    assert len({fingerprint(*call, "no") for call in calls}) == 4


def test_writing_and_space_are_no_part_of_the_cause():
    assert cause("Row  is\nLOCKED ") == cause("row is locked")


def test_fingerprint_is_the_same_in_every_version():
    assert fingerprint("rejected", "INVALID_EMAIL", "lead", "email: 'x' is invalid") == "89572601ad9c9755"


@pytest.mark.parametrize("message", ["", "{", "[1, 2", "'", '"' * 5_000, "a" * 100_000, "1-" * 20_000, "{" * 2_000])
def test_odd_messages_have_a_fingerprint(message):
    assert len(id_of(message)) == 16
