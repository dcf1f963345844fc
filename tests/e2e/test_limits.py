"""Limits that four processes keep together, counted on the CRM's own log of calls."""

from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.conftest import running
from tests.e2e.ledger import number
from tests.e2e.waiting import both, tell, until

PROCESSES = 4
CALLS, WINDOW = 100, 10.0
ONE_BY_ONE = {"batch": 1, "concurrency": 4, "linger": "0s"}


@contextmanager
def four(folder, broker, database, crm):
    """Run the sandbox with four processes that deliver."""
    with running(folder, {"systems": {"crm": crm}}, broker=broker, database=database) as stack, ExitStack() as more:
        for _ in range(PROCESSES - 1):
            service = stack.another_service("--role", "delivery")
            service.up()
            more.callback(service.down)
        yield stack


def moments(stack):
    """Return when each call came in, in order."""
    log = stack.crm.calls(limit=100_000)
    return sorted(call["at"] - call["milliseconds"] / 1000 for call in log)


@pytest.mark.timeout(240)
def test_limit_of_calls_holds_for_four_processes(tmp_path, module_broker, postgres_url, lead):
    crm = {"rate": {"calls": CALLS, "per": f"{WINDOW:g}s"}, "delivery": ONE_BY_ONE, "poll": None}
    with four(tmp_path, module_broker, postgres_url, crm) as stack:
        people = [lead() for _ in range(220)]
        stack.application.create(people)
        until(lambda: both(stack, [person["email"] for person in people]), "all arrive", pause=0.5)
        called = moments(stack)
        most = max(sum(at <= other < at + WINDOW for other in called) for at in called)
        tell(f"{len(called)} calls in {called[-1] - called[0]:.1f} s, at most {most} in any {WINDOW:g} s")
        assert (most <= CALLS, len(called) > CALLS) == (True, True), most


@pytest.mark.timeout(240)
def test_retry_after_is_obeyed_by_four_processes(tmp_path, module_broker, postgres_url, lead):
    crm = {"rate": None, "delivery": {**ONE_BY_ONE, "concurrency": 1}, "poll": None}
    with four(tmp_path, module_broker, postgres_url, crm) as stack:
        wait, people = 6, [lead() for _ in range(60)]
        stack.crm.tune(latency=0.05)
        stack.application.create(people[:30])
        until(lambda: stack.crm.counts()["contacts"] >= 10, "they are at work")
        stack.crm.order("limited", times=1, retry_after=wait)
        stack.application.create(people[30:])
        until(lambda: both(stack, [person["email"] for person in people]), "all arrive", pause=0.5)
        log = stack.crm.calls(limit=100_000)
        [told_at] = [call["at"] for call in log if call["status"] == 429]
        # what was already under way when it was said may still come in, to the second
        after = [at - told_at for at in moments(stack) if at > told_at + 1]
        tell(f"asked to wait {wait} s; the next call came after {min(after):.2f} s")
        assert min(after) >= wait
        charged = "SELECT count(*) FROM transactions WHERE attempts > 0"
        assert number(stack, charged) == 0
