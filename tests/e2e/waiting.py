"""Waiting for what must come, and finding people on both sides."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import pika

from sync_system.messaging.topology import events_queue, failed_queue
from sync_system.sandbox.stack import Stack
from tests.e2e.ledger import number

PATIENCE = 120.0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE, pause: float = 0.05) -> Any:
    """Wait until a condition holds, and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(pause)
    return found


def tell(text: str) -> None:
    """Say a figure to whoever runs the tests with `-s`."""
    sys.stdout.write(f"{text}\n")


def leads(stack: Stack, emails: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the application's leads with these addresses."""
    wanted = set(emails)
    return {lead["email"]: lead for lead in stack.application.leads() if lead["email"] in wanted}


def contacts(stack: Stack, emails: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the CRM's contacts with these addresses, each with its id among its properties."""
    wanted = set(emails)
    found = [contact["properties"] | {"id": contact["id"]} for contact in stack.crm.contacts()]
    return {contact["email"]: contact for contact in found if contact.get("email") in wanted}


def both(stack: Stack, emails: Iterable[str]) -> bool:
    """Tell whether all of these people stand on both sides."""
    wanted = set(emails)
    return len(contacts(stack, wanted)) == len(leads(stack, wanted)) == len(wanted)


def quiet(stack: Stack) -> bool:
    """Tell whether nothing is on its way: no outbox, report, message, look or transaction that will still be tried."""
    reports = stack.crm.counts()
    if reports["changes_waiting"] or reports["deliveries_waiting"] or not stack.settled():
        return False
    return not number(stack, "SELECT count(*) FROM looks") and not messages(stack)


def messages(stack: Stack) -> int:
    """Return how many messages of the application and the CRM have not been handed out."""
    queues = [name(system) for system in ("application", "crm") for name in (events_queue, failed_queue)]
    with closing(pika.BlockingConnection(pika.URLParameters(stack.broker.url))) as connection:
        channel = connection.channel()
        return sum(channel.queue_declare(queue, passive=True).method.message_count for queue in queues)


def polls(stack: Stack) -> int:
    """Return how often the CRM was searched for changes."""
    return sum(call["path"].endswith("/search") for call in stack.crm.calls("read", limit=100_000))


def settle(stack: Stack) -> None:
    """Wait until all is quiet and the poller has passed twice since."""
    until(lambda: quiet(stack), "all is quiet", pause=0.3)
    before = polls(stack)
    until(lambda: polls(stack) >= before + 2, "the poller passes")
    until(lambda: quiet(stack), "all is quiet again", pause=0.3)


def agree(stack: Stack) -> None:
    """Wait until the second opinion counts no difference and nothing is on its way."""
    zeros = ("lost", "duplicates", "differences")

    def counted() -> bool:
        found = stack.recount()
        return not any(found[name] for name in zeros) and stack.settled()

    until(counted, "both sides agree", pause=0.3)


def compared(stack: Stack) -> dict[str, Any]:
    """Return what `sync-system compare` finds."""
    done = stack.service.run("compare", "--json")
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))
