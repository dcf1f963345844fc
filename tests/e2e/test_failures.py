"""Failures: tried as often as they may be, parked where a person must help, and nobody else's trouble."""

import time

from tests.e2e.ledger import ask, errors, story
from tests.e2e.waiting import both, contacts, leads, settle, until

CAP = 3
SHORT = {"schedule": "every 1s", "max_attempts": CAP}
# "unqualified" is mapped to what is no option of the CRM's: it refuses such a lead, and says why.
STATUS = {"status": {"values": {"unqualified": "GIVEN_UP"}}}
CHANGES = {
    "systems": {
        "application": {"replay": SHORT},
        "crm": {"replay": SHORT, "poll": {"every": "1s"}, "lead": {"fields": STATUS}},
    }
}


def parked(stack, email):
    return story(stack, email, "crm")[-1:] == [("parked", CAP)]


def arrived(stack, person):
    """Let a lead come to stand on both sides; return its ids in the application and in the CRM."""
    [row] = stack.application.create([person])
    until(lambda: both(stack, [person["email"]]), "the lead stands on both sides")
    settle(stack)
    return row, contacts(stack, [person["email"]])[person["email"]]["id"]


def struck(stack, number):
    return next(fault.struck for fault in stack.crm.faults() if fault.id == number)


def test_lead_that_always_fails_is_parked_alone(stack, lead):
    people = [lead() for _ in range(40)]
    bad, later = people[11]["email"], lead()
    fault = stack.crm.order("record_error", only="write", records=[bad, later["email"]])
    stack.application.create(people)
    until(lambda: both(stack, [p["email"] for p in people if p["email"] != bad]), "its neighbours stand on both sides")
    until(lambda: parked(stack, bad), "it is parked")
    assert (struck(stack, fault), contacts(stack, [bad])) == (CAP, {})
    stack.application.create([later])
    until(lambda: parked(stack, later["email"]), "a later one is parked as well")
    assert struck(stack, fault) == 2 * CAP  # the first was not tried again meanwhile
    stack.crm.lift(fault)


def test_edit_of_what_would_be_sent_wakes_a_parked_lead(stack, lead):
    person = lead()
    fault = stack.crm.order("locked", only="write", records=[person["email"]])
    [row] = stack.application.create([person])
    until(lambda: parked(stack, person["email"]), "it is parked")
    stack.crm.lift(fault)
    stack.application.edit({row: {"city": "Pune"}})
    until(lambda: both(stack, [person["email"]]), "it arrives")
    assert contacts(stack, [person["email"]])[person["email"]]["city"] == "Pune"
    assert len(story(stack, person["email"], "crm")) == 1  # the same transaction


def test_edit_of_a_field_not_mapped_wakes_no_parked_lead(stack, lead):
    person = lead()
    fault = stack.crm.order("locked", only="write", records=[person["email"]])
    [row] = stack.application.create([person])
    until(lambda: parked(stack, person["email"]), "it is parked")
    stack.application.edit({row: {"industry": "Retail"}})
    settle(stack)
    assert (story(stack, person["email"], "crm"), struck(stack, fault)) == ([("parked", CAP)], CAP)
    stack.crm.lift(fault)


def test_edit_on_the_other_side_wakes_no_parked_lead(stack, lead):
    person = lead()
    row, id = arrived(stack, person)
    fault = stack.crm.order("locked", only="write", records=[id])
    stack.application.edit({row: {"city": "Pune"}})
    until(lambda: parked(stack, person["email"]), "it is parked")
    stack.crm.edit({id: {"jobtitle": "Buyer"}})
    until(lambda: leads(stack, [person["email"]])[person["email"]]["jobTitle"] == "Buyer", "the edit is carried")
    settle(stack)
    assert (story(stack, person["email"], "crm")[-1], struck(stack, fault)) == (("parked", CAP), CAP)
    stack.crm.lift(fault)


def test_lost_replies_make_no_second_row(stack, lead, contact):
    ours, theirs = [lead() for _ in range(5)], [contact() for _ in range(5)]
    stack.crm.order("lost_reply", only="write", times=1)
    stack.application.order("lost_reply", only="write", times=1)
    stack.application.create(ours)
    stack.crm.create(theirs)
    emails = [person["email"] for person in (*ours, *theirs)]
    until(lambda: both(stack, emails), "all stand on both sides")
    settle(stack)
    assert (stack.crm.faults(), stack.application.faults()) == ([], [])
    rows = [one["email"] for one in stack.application.leads() if one["email"] in emails]
    people = [one["properties"]["email"] for one in stack.crm.contacts() if one["properties"].get("email") in emails]
    assert sorted(rows) == sorted(people) == sorted(emails)


def test_outage_costs_no_lead_an_attempt(stack, lead):
    people = [lead() for _ in range(20)]
    emails = [person["email"] for person in people]
    stack.crm.down(abruptly=True)
    stack.application.create(people)
    failing = """SELECT count(*) FROM results r JOIN transactions t ON t.id = r."transaction"
        WHERE r.outcome = 'unavailable' AND t.record IN (SELECT record FROM matches WHERE value = :email)"""
    until(lambda: any(ask(stack, failing, email=email)[0][0] for email in emails), "the outage is met")
    time.sleep(CAP + 2)  # more ticks of the schedule than a lead has attempts
    stack.crm.up()
    until(lambda: both(stack, emails), "all stand on both sides")
    settle(stack)
    assert {one for email in emails for one in story(stack, email, "crm")} == {("succeeded", 0)}


def test_refused_lead_is_parked_at_once_with_the_crms_sentence(stack, lead):
    person = lead(stage="U")
    [row] = stack.application.create([person])
    until(lambda: story(stack, person["email"], "crm") == [("parked", 1)], "it is parked at its first attempt")
    [sentence] = errors(stack, person["email"])
    assert "'GIVEN_UP' was not one of the allowed options" in sentence
    stack.application.edit({row: {"stage": "Q"}})
    until(lambda: both(stack, [person["email"]]), "it arrives once it is put right")
