"""A kill in the middle of an import, of the service or of the broker: nothing is lost and nothing is there twice."""

import json
import signal
import time
from contextlib import closing

import pika
import pytest

from sync_system.messaging.topology import events_queue
from tests.e2e.conftest import running
from tests.e2e.ledger import number
from tests.e2e.waiting import agree, both, compared, until

LEASE = {"delivery": {"lease": "6s"}}
CHANGES = {"systems": {"application": LEASE, "crm": LEASE}}
SMALL_BATCHES = CHANGES | {"intake": {"batch": 100}}  # PostgreSQL takes in several at once: it would soon be through
QUEUE = events_queue("application")
# A quorum queue that loses its node within 2 s of its declaration comes back empty and without a leader.
SETTLED_SECONDS = 3


def ready(stack):
    """Return how many messages stand in the application's queue and have not been handed out."""
    with closing(pika.BlockingConnection(pika.URLParameters(stack.broker.url))) as connection:
        return connection.channel().queue_declare(QUEUE, passive=True).method.message_count


def freeze_in_the_middle(stack, count):
    """Stop the running service as it is, once it holds messages that are not safe, and a call is under way.

    Messages handed out and not yet in the ledger cannot have been acknowledged.
    """

    def caught():
        stack.service.send_signal(signal.SIGSTOP)
        unsafe = count - ready(stack) - number(stack, "SELECT count(*) FROM events WHERE source = 'application'")
        calls = number(stack, "SELECT count(*) FROM transactions WHERE state = 'processing' AND destination = 'crm'")
        if unsafe >= 200 and calls > 0 and stack.crm.counts()["contacts"] < count:
            return unsafe, calls
        stack.service.send_signal(signal.SIGCONT)
        return None

    return until(caught, "the service is in the middle of its work", pause=0.02)


def filled(stack, count):
    """Let the application publish while nobody reads, and the CRM answer slowly; return the emails."""
    people = [{"email": f"kill{i}@example.com", "firstName": "Asha", "stage": "N"} for i in range(count)]
    stack.service.down()
    stack.application.create(people)
    until(lambda: stack.application.counts()["outbox"] == 0, "all is published")
    stack.crm.tune(latency=0.6)
    return [person["email"] for person in people]


def whole(stack, emails, folder):
    """Wait for the end, and let both opinions say that it is right."""
    stack.crm.tune(latency=0.0)
    agree(stack)
    created = folder / "created.txt"
    created.write_text("\n".join(emails))
    counted = stack.recount(created)
    assert [counted[name] for name in ("leads", "lost", "duplicates", "differences")] == [len(emails), 0, 0, 0], counted
    found = compared(stack)
    assert (found["equal"], [system["held"] for system in found["systems"]]) == (True, [0, 0])


@pytest.mark.timeout(300)
def test_killed_service_loses_and_doubles_nothing(tmp_path, module_broker):
    with running(tmp_path, CHANGES, broker=module_broker) as stack:
        emails = filled(stack, 5_000)
        stack.service.up()
        unsafe, calls = freeze_in_the_middle(stack, 5_000)
        stack.service.kill()
        assert (unsafe >= 200, calls > 0) == (True, True)
        stack.service.up()
        whole(stack, emails, tmp_path)
        assert "claims.returned" in events_in(stack.service.log)


@pytest.mark.timeout(300)
def test_killed_broker_loses_and_doubles_nothing(tmp_path, postgres_url):
    with running(tmp_path, SMALL_BATCHES, own_broker=True, database=postgres_url) as stack:
        time.sleep(SETTLED_SECONDS)
        emails = filled(stack, 3_000)
        stack.service.up()
        freeze_in_the_middle(stack, 3_000)
        stack.service.send_signal(signal.SIGCONT)
        stack.broker.kill()
        until(lambda: "consumer.interrupted" in events_in(stack.service.log), "the service notices")
        stack.application.create([{"email": "late@example.com", "firstName": "Usha"}])
        stack.broker.start()
        whole(stack, [*emails, "late@example.com"], tmp_path)
        stack.crm.create([{"email": "after@example.org", "firstname": "Hana"}])
        until(lambda: both(stack, ["after@example.org"]), "webhooks are published again")


def events_in(log):
    """Return which events a log tells of."""
    lines = (line for line in log.read_text().splitlines() if line.startswith("{"))
    return {json.loads(line)["event"] for line in lines}
