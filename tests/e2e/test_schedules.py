"""Attempts and schedules with several processes at work: never beyond the cap, at the ticks, and changed while running."""

import json
from contextlib import ExitStack
from itertools import pairwise

import pytest
import yaml

from sync_system.domain.schedule import parse
from tests.e2e.conftest import running
from tests.e2e.ledger import ask, number
from tests.e2e.waiting import both, settle, until

CAP = 3
EVERY = {"schedule": "every 2s", "max_attempts": CAP}
CHANGES = {"systems": {"crm": {"replay": EVERY}}}
PARKED = "SELECT count(*) FROM transactions WHERE state = 'parked'"
TRIED = 'SELECT "transaction", at FROM results WHERE charged ORDER BY at'


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_attempts_end_at_the_cap_and_keep_to_the_ticks(tmp_path, module_broker, postgres_url, lead, processes):
    with running(tmp_path, CHANGES, broker=module_broker, database=postgres_url) as stack, ExitStack() as more:
        for _ in range(processes - 1):
            service = stack.another_service("--role", "delivery", "--role", "replay")
            service.up()
            more.callback(service.down)
        bad, good = [lead() for _ in range(30)], [lead() for _ in range(30)]
        fault = stack.crm.order("record_error", only="write", records=[person["email"] for person in bad])
        stack.application.create([*bad, *good])
        until(lambda: number(stack, PARKED) == len(bad), "all bad ones are parked")
        settle(stack)
        [struck] = [one.struck for one in stack.crm.faults() if one.id == fault]
        assert (struck, both(stack, [person["email"] for person in good])) == (CAP * len(bad), True)
        tries: dict[int, list[int]] = {}
        for id, at in ask(stack, TRIED):
            tries.setdefault(id, []).append(at)
        assert {len(at) for at in tries.values()} == {CAP}
        schedule = parse(EVERY["schedule"])
        early = [at for at in tries.values() for one, then in pairwise(at) if then < schedule.next_after(one)]
        assert early == []  # a replay waits for the tick after the failure


def told(stack, event):
    lines = (json.loads(line) for line in stack.service.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line["event"] == event]


def write(stack, **replay):
    """Write the file anew with another replay block."""
    values = yaml.safe_load(stack.configuration.read_text())
    values["systems"]["crm"]["replay"] = replay
    stack.configuration.write_text(yaml.safe_dump(values, sort_keys=False))


def test_schedule_changes_in_the_file_without_a_restart(tmp_path, module_broker, lead):
    changes = {"systems": {"crm": {"replay": {"schedule": "every 1h", "max_attempts": 50}}}}
    with running(tmp_path, changes, broker=module_broker) as stack:
        person = lead()
        stack.crm.order("record_error", only="write", records=[person["email"]], times=3)
        stack.application.create([person])
        failed = "SELECT count(*) FROM transactions WHERE state = 'failed'"
        until(lambda: number(stack, failed) == 1, "it waits for the hour")
        write(stack, schedule="every 1s", max_attempts=50)
        until(lambda: both(stack, [person["email"]]), "it is replayed every second from now on")
        assert len(told(stack, "configuration.reloaded")) == 1


def test_wrong_file_is_refused_and_the_old_one_stays(tmp_path, module_broker, lead):
    changes = {"systems": {"crm": {"replay": {"schedule": "every 1s", "max_attempts": 50}}}}
    with running(tmp_path, changes, broker=module_broker) as stack:
        write(stack, schedule="every fortnight", max_attempts=50)
        line = stack.configuration.read_text().splitlines().index("      schedule: every fortnight") + 1
        [refused] = until(lambda: told(stack, "configuration.refused"), "the file is refused")
        assert any(f":{line}:" in problem and "schedule" in problem for problem in refused["problems"]), refused
        person = lead()
        stack.crm.order("record_error", only="write", records=[person["email"]], times=2)
        stack.application.create([person])
        until(lambda: both(stack, [person["email"]]), "it is replayed every second as before")
