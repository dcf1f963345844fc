"""What people change and delete while nobody tells of it is found in one round and repaired, by what is needed alone."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.e2e.ledger import ask, number
from tests.e2e.waiting import both, contacts, leads, quiet, tell, until

DRAWN = {"reconcile": {"every": None, "full": "4s"}}
CHANGES = {"systems": {"application": DRAWN, "crm": {**DRAWN, "poll": None}}}
PEOPLE, EDITED, DELETED = 400, 100, 10  # edits and deletes on each side
ENDED = "SELECT systems FROM runs WHERE kind = 'reconcile' AND state = 'done' AND created_at > :moment"
NEWEST = "SELECT coalesce(max(created_at), 0) FROM runs WHERE kind = 'reconcile'"


@pytest.mark.timeout(300)
def test_changes_behind_both_backs_cost_what_is_needed(stack, lead, tmp_path):
    people = [lead() for _ in range(PEOPLE)]
    emails = [person["email"] for person in people]
    stack.application.create(people)
    until(lambda: both(stack, emails) and quiet(stack), "all stand on both sides", pause=0.3)
    ours = {email: found["id"] for email, found in leads(stack, emails).items()}
    theirs = {email: found["id"] for email, found in contacts(stack, emails).items()}
    stack.crm.forget_calls()
    stack.application.forget_calls()
    in_silence(stack, lambda: behind_both_backs(stack, emails, ours, theirs))
    moment = number(stack, NEWEST)
    until(
        lambda: len(set(ask(stack, ENDED, moment=moment))) == 2,
        "a round over all rows has ended in both systems",
        pause=0.2,
    )
    until(lambda: quiet(stack), "what it asked for is done", pause=0.2)
    until(lambda: rounds(stack).keys() == {"application", "crm"}, "both rounds are told of")
    written = [system.count_calls()["records_written"] for system in (stack.application, stack.crm)]
    tell(f"written: {written}, {stack.service.stats()['total']['reconciled']}")
    assert written == [EDITED, EDITED]
    survivors = {*leads(stack, emails), *contacts(stack, emails)}
    assert survivors == set(emails)
    counted = stack.recount()
    # What was deleted on one side stands on the other: a delete is not carried unless the configuration says so.
    assert (counted["differences"], counted["duplicates"], counted["lost"]) == (0, 0, 2 * DELETED), counted
    found = stack.service.stats()["total"]["reconciled"]
    assert [found[system]["missing"] for system in ("application", "crm")] == [DELETED, DELETED]
    assert [found[system]["unseen"] for system in ("application", "crm")] == [EDITED, EDITED]
    until(lambda: all(one["share"] == 1 for one in rounds(stack).values()), "the next rounds find nothing", pause=0.3)
    assert [system.count_calls()["records_written"] for system in (stack.application, stack.crm)] == written


def behind_both_backs(stack, emails, ours, theirs):
    """Edit and delete on both sides, other people on each."""
    by_staff, by_agents = emails[:EDITED], emails[EDITED : 2 * EDITED]
    gone_here, gone_there = emails[-DELETED:], emails[-2 * DELETED : -DELETED]
    stack.application.edit({ours[email]: {"city": "Pune", "stage": "Q"} for email in by_staff})
    stack.crm.edit({theirs[email]: {"city": "Goa", "firstname": "Bilal"} for email in by_agents})
    stack.application.delete([ours[email] for email in gone_here])
    stack.crm.delete([theirs[email] for email in gone_there])


def in_silence(stack, change):
    """Let something happen that no webhook and no message tells of."""
    stack.crm.tune(webhooks={"enabled": False})
    stack.application.tune(publishing=False)
    change()
    with closing(sqlite3.connect(stack.application.database, timeout=30)) as database, database:
        database.execute("DELETE FROM outbox")
    stack.application.tune(publishing=True)
    stack.crm.tune(webhooks={"enabled": True})


def rounds(stack):
    """Return what `sync-system status` says of the last round over all rows of each system."""
    done = json.loads(stack.service.run("status", "--json").stdout)
    return {
        system["name"]: one
        for system in done["systems"]
        for one in system["rounds"]
        if one["scope"] == "everything" and one["ended_at"]
    }
