"""Leads travel both ways, one edit is one call, and whatever people do on both sides at once ends equal."""

import random
import time

from tests.e2e.waiting import agree, both, compared, contacts, leads, settle, until

CHANGES = {"systems": {"crm": {"poll": {"every": "1s"}}}}
STAGES = ("N", "C", "W", "Q", "U")
STATUSES = ("NEW", "CONNECTED", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED")
EDITING_SECONDS = 12
PEOPLE = 300


def test_lead_of_the_application_reaches_the_crm(stack, lead):
    person = lead(company="Rao & Co", exhibition="Auto Expo", emailOptOut=True)
    stack.application.create([person])
    until(lambda: both(stack, [person["email"]]), "the lead stands on both sides")
    contact = contacts(stack, [person["email"]])[person["email"]]
    names = ("firstname", "phone", "company", "exhibition", "hs_lead_status", "email_opt_out")
    assert [contact[name] for name in names] == ["Asha", person["phone"], "Rao & Co", "Auto Expo", "NEW", "true"]


def test_contact_of_the_crm_reaches_the_application(stack, contact):
    person = contact(city="Köln", hs_lead_status="OPEN_DEAL")
    stack.crm.create([person])
    until(lambda: both(stack, [person["email"]]), "the contact stands on both sides")
    found = leads(stack, [person["email"]])[person["email"]]
    assert [found[name] for name in ("firstName", "phone", "city", "stage")] == ["Bilal", person["phone"], "Köln", "Q"]


def test_one_edit_in_the_application_is_one_call(stack, lead):
    person = lead()
    [id] = stack.application.create([person])
    until(lambda: both(stack, [person["email"]]), "the lead stands on both sides")
    settle(stack)
    stack.crm.forget_calls()
    stack.application.forget_calls()
    stack.application.edit({id: {"city": "Pune"}})
    settle(stack)
    assert contacts(stack, [person["email"]])[person["email"]]["city"] == "Pune"
    assert (stack.crm.count_calls()["write"], stack.application.count_calls()["write"]) == (1, 0)


def test_one_edit_in_the_crm_is_one_call(stack, contact):
    person = contact()
    [id] = stack.crm.create([person])
    until(lambda: both(stack, [person["email"]]), "the contact stands on both sides")
    settle(stack)
    stack.crm.forget_calls()
    stack.application.forget_calls()
    stack.crm.edit({id: {"city": "Pune"}})
    settle(stack)
    assert leads(stack, [person["email"]])[person["email"]]["city"] == "Pune"
    assert (stack.application.count_calls()["write"], stack.crm.count_calls()["write"]) == (1, 0)


def test_edits_on_both_sides_at_once_end_equal(stack, lead, contact, tmp_path):
    chance = random.Random(7)
    ours, theirs = [lead() for _ in range(PEOPLE // 2)], [contact() for _ in range(PEOPLE // 2)]
    stack.application.create(ours)
    stack.crm.create(theirs)
    emails = [person["email"] for person in (*ours, *theirs)]
    until(lambda: both(stack, emails), "all stand on both sides")
    rows = {email: found["id"] for email, found in leads(stack, emails).items()}
    people = {email: found["id"] for email, found in contacts(stack, emails).items()}
    at_once = [lead() for _ in range(20)]
    deadline = time.monotonic() + EDITING_SECONDS
    while time.monotonic() < deadline:
        some = chance.sample(emails, 30)
        text = f"{chance.random():.6f}"
        stack.application.edit({rows[e]: {"city": f"app {text}", "stage": chance.choice(STAGES)} for e in some})
        stack.crm.edit({people[e]: {"city": f"crm {text}", "hs_lead_status": chance.choice(STATUSES)} for e in some})
        if at_once:
            person = at_once.pop()
            stack.application.create([person])
            stack.crm.create([{"email": person["email"], "firstname": "Asha", "phone": person["phone"]}])
            emails.append(person["email"])
            rows |= {person["email"]: rows_of(stack, person)}
            people |= {person["email"]: contacts(stack, [person["email"]])[person["email"]]["id"]}
    agree(stack)
    created = tmp_path / "created.txt"
    created.write_text("\n".join(emails))
    counted = stack.recount(created)
    assert [counted[name] for name in ("lost", "duplicates", "differences")] == [0, 0, 0], counted
    settle(stack)
    found = compared(stack)
    assert (found["equal"], [system["held"] for system in found["systems"]]) == (True, [0, 0])


def rows_of(stack, person):
    return leads(stack, [person["email"]])[person["email"]]["id"]
