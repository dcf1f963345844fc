"""An outage with thousands of leads pending: all arrive, at no lead's cost, each in one call, and few calls meanwhile."""

import time

import pytest

from tests.e2e.conftest import running
from tests.e2e.ledger import ask, number
from tests.e2e.outages import APPLICATION, CRM, Side, break_down, mend
from tests.e2e.waiting import PATIENCE, agree, tell, until

FAST = {"timeout": "1s", "replay": {"schedule": "every 1s", "max_attempts": 2}}
CHANGES = {"systems": {"application": FAST, "crm": {**FAST, "poll": None}}}
PROBED = "SELECT count(*) FROM destinations WHERE name = :name AND probes >= 3"
# What was under way when it broke, four requests that must fail before the destination is held to be down where it does
# not say so, each tried three times and looked up three times, and the probes: one a second at most.
MOST_CALLS = 60
WAITING = "SELECT count(*) FROM transactions WHERE destination = :name AND state IN ('pending', 'failed', 'processing')"
CHARGED = "SELECT count(*) FROM transactions WHERE attempts > 0 OR state = 'parked'"

FORMS = [
    pytest.param(CRM, "refused", 10_000, id="crm-refused"),
    pytest.param(APPLICATION, "refused", 10_000, id="application-refused"),
    *(
        pytest.param(side, speech, 600, id=f"{side.destination}-{speech}")
        for side in (CRM, APPLICATION)
        for speech in ("timeouts", "errors")
    ),
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("side", "speech", "count"), FORMS)
def test_outage_costs_nothing_and_all_arrive(tmp_path, module_broker, side: Side, speech, count):
    with running(tmp_path, CHANGES, broker=module_broker) as stack:
        down = side.down(stack)
        break_down(down, speech)
        began = time.time()
        ids = side.create(stack, count)
        known = "SELECT count(*) FROM records"
        until(lambda: number(stack, known) == count, "all are taken in", 2 * PATIENCE, pause=0.5)
        for text in ("Pune", "Goa", "Delhi"):
            side.edit(stack, list(ids.values())[: count // 5], text)
        until(lambda: taken_in(stack, count // 5), "the edits are taken in", 2 * PATIENCE, pause=0.5)
        until(lambda: number(stack, PROBED, name=side.destination), "it is found down and probed", pause=0.2)
        until(lambda: number(stack, WAITING, name=side.destination) == count, "all wait")
        mend(down, speech)
        ended = time.time()
        agree(stack)
        during, after = calls(stack, down, began, ended)
        tell(f"{side.destination} {speech}, {count} leads: {during} calls in {ended - began:.0f} s, {after} after")
        assert during <= MOST_CALLS + (ended - began)
        # An edit that was taken in only after the recovery is a second call of its own.
        assert (number(stack, CHARGED), count <= after <= count + count // 50) == (0, True), after
        # each lead in one transaction of its own, but for what was edited after it had been delivered
        assert {state for (state,) in ask(stack, "SELECT DISTINCT state FROM transactions")} <= {
            "succeeded",
            "superseded",
        }


def taken_in(stack, edited):
    """Whether the last text that was typed over the first leads stands in all of their records."""
    query = "SELECT count(*) FROM records WHERE CAST(fields AS text) LIKE '%Delhi%'"
    return number(stack, query) == edited


def calls(stack, system, began, ended):
    """Return the calls during an outage and the records written after it; what was refused is in the ledger alone."""
    log = system.calls(limit=100_000)
    meanwhile = sum(began <= call["at"] < ended for call in log)
    query = "SELECT count(*) FROM attempts WHERE status IS NULL AND started_at < :at"
    tried = number(stack, query, at=round(ended * 1_000_000))
    after = sum(call["inputs"] for call in log if call["at"] >= ended and call["kind"] == "write")
    return max(meanwhile, tried), after
