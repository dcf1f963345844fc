"""A link that is killed in the middle of its reading, and again in the middle of its work, comes to the same end."""

import json
import signal
import subprocess
import sys
from os import environ

import pytest

from sync_system.sandbox.population import Population
from sync_system.sandbox.stack import Stack
from tests.e2e.ledger import ask, number
from tests.e2e.waiting import tell, until

EACH = 1_000
LINK = ("link", "application", "crm", "--json")


def begun(stack, *words):
    """Start the command and return its process."""
    command = [sys.executable, "-m", "sync_system.cli", *LINK, *words, "--config", str(stack.configuration)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env={**environ, **stack.service.environment}, **quiet)


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def pages(stack):
    """Return how many pages of the CRM have been read."""
    found = ask(stack, "SELECT progress FROM runs")
    progress = json.loads(found[0][0]) if found else {}
    return progress.get("crm", {}).get("pages", 0)


@pytest.mark.timeout(300)
def test_link_that_is_killed_comes_to_the_same_end(tmp_path, module_broker):
    with Stack(tmp_path, broker=module_broker) as stack:
        stack.service.run("migrate")
        population = Population(5, EACH)
        told, truth = stack.fill(population), population.truth
        for system in (stack.application, stack.crm):
            system.forget_calls()
        stack.crm.tune(latency=0.3)
        reading = begun(stack)
        until(lambda: pages(stack) >= 3, "three pages are read", pause=0.02)
        killed(reading)
        stack.crm.tune(latency=0.0)
        said = json.loads(stack.service.run(*LINK).stdout)
        assert (said["rows"], said["pairs"]) == ({"application": EACH, "crm": EACH}, len(truth.pairs))
        calls = stack.crm.count_calls()
        assert (calls["write"], calls["read"] <= EACH // 100 + 1) == (0, True), calls
        stack.service.up()
        applying = begun(stack, "--apply")
        half = until(lambda: (n := number(stack, "SELECT count(*) FROM records")) > 300 and n, "it is under way")
        killed(applying)
        done = json.loads(stack.service.run(*LINK, "--apply").stdout)["done"]
        tell(f"killed behind {pages(stack)} pages, and again when {half} records stood: {done}")
        assert done["linked"] == len(truth.pairs)
        until(stack.settled, "all is delivered")
        edits = tmp_path / "edits.jsonl"
        edits.touch()
        counted = stack.recount_link(told, edits)
        assert [counted[name] for name in ("created_twice", "wrong_pairs", "differences")] == [0, 0, 0], counted
