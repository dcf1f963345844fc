"""SIGTERM in the middle of traffic: the process ends in time, hands nothing over half done, and loses nothing."""

import signal
import time

import pytest

from sync_system.cli.service import STOP_SECONDS
from tests.e2e.conftest import running
from tests.e2e.ledger import number
from tests.e2e.waiting import agree, tell, until

PROCESSING = "SELECT count(*) FROM transactions WHERE state = 'processing'"


@pytest.mark.timeout(240)
def test_term_in_the_middle_of_traffic_ends_in_order(tmp_path, module_broker):
    with running(tmp_path, broker=module_broker) as stack:
        stack.crm.tune(latency=0.8)
        ours = [f"ours{number}@example.com" for number in range(1_500)]
        theirs = [f"theirs{number}@example.com" for number in range(300)]
        stack.application.create([{"email": email, "firstName": "Asha"} for email in ours])
        stack.crm.create([{"email": email, "firstname": "Bilal"} for email in theirs])
        in_flight = until(lambda: number(stack, PROCESSING), "calls are under way", pause=0.02)
        began = time.monotonic()
        stack.service.send_signal(signal.SIGTERM)
        status = stack.service.wait(STOP_SECONDS + 10)
        seconds = time.monotonic() - began
        tell(f"{in_flight} were being sent; it ended with {status} after {seconds:.1f} s")
        assert (status, seconds < STOP_SECONDS, number(stack, PROCESSING)) == (0, True, 0)
        stack.crm.tune(latency=0.0)
        stack.service.up()
        agree(stack)
        created = tmp_path / "created.txt"
        created.write_text("\n".join([*ours, *theirs]))
        counted = stack.recount(created)
        assert [counted[name] for name in ("leads", "lost", "duplicates", "differences")] == [1_800, 0, 0, 0], counted
