"""A message that kills its consumer, and a record that kills its delivery worker: set apart, and the neighbours pass."""

import json
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sync_system.sandbox.stack import Stack
from tests.configured import configured
from tests.e2e.fragile import DEADLY, install_connector, install_library, on_path
from tests.e2e.ledger import ask, number
from tests.e2e.waiting import both, tell, until

SHORT = {"delivery": {"lease": "2s", "linger": "0s"}, "timeout": "1s", "replay": {"schedule": "every 1s"}}
REJECTED = "SELECT count(*) FROM events WHERE outcome = 'invalid'"
SYSTEMS = {"application": SHORT, "crm": {**SHORT, "poll": None}}


@contextmanager
def supervised(*services):
    """Start processes again whenever they end, as a supervisor does; give the number of their deaths."""
    over, deaths = threading.Event(), [0]

    def keep(service):
        while not over.is_set():
            if not service.running:
                deaths[0] += service.started
                service.up(wait=False)
            over.wait(0.05)

    keepers = [threading.Thread(target=keep, args=(service,)) for service in services]
    for keeper in keepers:
        keeper.start()
    try:
        yield deaths
    finally:
        over.set()
        for keeper in keepers:
            keeper.join()


@contextmanager
def fragile(folder: Path, broker, installed: Path, changes, roles, processes):
    """Run the sandbox with processes on whose path something fragile is installed; the other roles are sound."""
    configuration = folder / "sync.yaml"
    configuration.write_text(configured(changes))
    with Stack(folder, configuration=configuration, broker=broker) as stack, ExitStack() as parts:
        stack.service.environment["PYTHONPATH"] = on_path(installed)
        others = [role for role in ("intake", "delivery", "replay", "api") if role not in roles]
        stack.service.options = [word for role in others for word in ("--role", role)]
        stack.service.up()
        more = [stack.another_service(*[word for role in roles for word in ("--role", role)]) for _ in range(processes)]
        yield stack, parts.enter_context(supervised(*more))


@pytest.mark.timeout(360)
def test_message_that_kills_its_consumer_is_rejected_alone(tmp_path, module_broker, lead):
    installed = install_library(tmp_path / "installed")
    with fragile(tmp_path, module_broker, installed, {"systems": SYSTEMS}, ["intake"], 3) as (stack, deaths):
        before, after, deadly = [lead() for _ in range(20)], [lead() for _ in range(20)], lead(phone=DEADLY)
        stack.application.create([*before, deadly, *after])
        until(lambda: number(stack, REJECTED) == 1, "the message is rejected", 300, pause=0.3)
        until(lambda: both(stack, [person["email"] for person in (*before, *after)]), "its neighbours pass")
        [(payload, reason)] = ask(stack, "SELECT payload, error FROM events WHERE outcome = 'invalid'")
        tell(f"{deaths[0]} deaths; {reason}")
        assert ("ends its worker" in reason, deadly["email"] in json.dumps(payload)) == (True, True)


@pytest.mark.timeout(360)
def test_record_that_kills_its_worker_is_parked_alone(tmp_path, module_broker, lead):
    installed = install_connector(tmp_path / "installed")
    systems = {**SYSTEMS, "crm": {**SYSTEMS["crm"], "connector": "fragile"}}
    with fragile(tmp_path, module_broker, installed, {"systems": systems}, ["delivery"], 2) as (stack, deaths):
        people, deadly = [lead() for _ in range(40)], lead(city="deadly")
        stack.application.create([*people[:20], deadly, *people[20:]])
        parked = "SELECT count(*) FROM transactions WHERE state = 'parked'"
        until(lambda: number(stack, parked) == 1, "the record is parked", 200, pause=0.3)
        until(lambda: both(stack, [person["email"] for person in people]), "its neighbours pass")
        [(reason,)] = ask(stack, "SELECT error FROM transactions WHERE state = 'parked'")
        tell(f"{deaths[0]} deaths; {reason}")
        assert "did not finish in time" in reason
