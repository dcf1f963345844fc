"""Failures come back on their schedule, as often as they may, and none disappears with its message."""

import asyncio
from contextlib import closing

import orjson
import pika
import pytest

from consumers.replay import ReplayRole
from consumers.roles import hints_of
from sync_system.ledger.repairs import Selection
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.topology import failed_queue
from sync_system.services.clock import now
from sync_system.services.retrying import Retrying
from tests.integration.installation import SECOND, contact, email, fresh, told

QUEUE = failed_queue("application")
FOREIGN = (b"by hand", b"{}", b"[]", b'{"transaction": "none"}', b'{"transaction": 987654321}')


async def planned(installation, count=1):
    """Let the CRM tell of new contacts, so that the application lacks them; return their rows' ids and emails."""
    people = [(fresh(), email()) for _ in range(count)]
    await installation.take("crm", *(told("crm", row, contact(email=mail)) for row, mail in people))
    return people


async def failing(installation, application, count=1, kind="locked"):
    """Let deliveries to the application fail; return the rows' ids and emails."""
    people = await planned(installation, count)
    application.order(kind, only="write", records=[mail for _, mail in people])
    await installation.deliver("application")
    return people


def role(installation):
    core = installation.core
    return ReplayRole(
        "application", core.schedule, core.replaying(), hints_of(core), core.broker_url, core.topology, core.clock
    )


def waiting(broker):
    """Return what stands in the failed queue, without taking it out."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        channel = connection.channel()
        bodies = []
        while (got := channel.basic_get(QUEUE))[0] is not None:
            bodies.append(orjson.loads(got[2]))
    return bodies


def purge(broker):
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        connection.channel().queue_purge(QUEUE)


async def test_lead_that_always_fails_is_parked_at_the_cap(installation, application):
    people = await failing(installation, application)
    cap = installation.core.settings.systems["application"].common.replay.max_attempts
    for attempts in range(1, cap):
        assert await installation.one("SELECT state, attempts FROM transactions") == ("failed", attempts)
        await installation.core.replaying().replay("application")
        await installation.deliver("application")
    replayed = await installation.core.replaying().replay("application")
    assert (replayed.pending, replayed.parked) == (0, 1)
    assert await installation.one("SELECT state, attempts FROM transactions") == ("parked", cap)
    assert await installation.one("SELECT count(*) FROM results WHERE charged") == cap
    assert [fault.struck for fault in application.faults()] == [cap]
    assert people


@pytest.mark.parametrize("kind", ["unavailable", "limited", "expired_token"])
async def test_outage_costs_no_attempts(installation, application, kind):
    await planned(installation, 3)
    fault = application.order(kind, only="write")
    for _ in range(12):
        await installation.deliver("application")
        await installation.core.replaying().replay("application")
    assert await installation.rows("SELECT DISTINCT state, attempts FROM transactions") == [("pending", 0)]
    application.lift(fault)
    await installation.recover("application")
    assert await installation.states("application") == ["succeeded"] * 3


async def test_lead_that_failed_too_long_is_parked(installation, application):
    await failing(installation, application)
    installation.ahead += 8 * 86_400 * SECOND
    await installation.core.replaying().replay("application")
    assert await installation.states("application") == ["parked"]


async def test_replay_keeps_the_transaction_and_its_story(installation, application):
    await failing(installation, application)
    [id] = await installation.rows("SELECT id FROM transactions")
    application.lift()
    await installation.core.replaying().replay("application")
    await installation.deliver("application")
    assert await installation.rows("SELECT id, state FROM transactions") == [(id, "succeeded")]
    story = 'SELECT outcome, "trigger" FROM results WHERE "transaction" = :id ORDER BY at'
    assert await installation.rows(story, id=id) == [("retry", "live"), ("ok", "schedule")]


async def test_edit_of_what_would_be_sent_wakes_a_parked_lead(installation, application):
    [(row, mail)] = await failing(installation, application)
    installation.ahead += 8 * 86_400 * SECOND
    await installation.core.replaying().replay("application")
    changed = contact(email=mail, city="Pune")
    await installation.take("crm", told("crm", row, changed, verb="updated", at=installation.clock()))
    assert await installation.rows("SELECT state, attempts FROM transactions") == [("pending", 0)]


async def test_edit_of_something_else_wakes_no_parked_lead(installation, application):
    [(row, mail)] = await failing(installation, application)
    installation.ahead += 8 * 86_400 * SECOND
    await installation.core.replaying().replay("application")
    changed = contact(email=mail, hubspot_owner_id="17")
    await installation.take("crm", told("crm", row, changed, verb="updated", at=installation.clock()))
    assert await installation.rows("SELECT state, attempts FROM transactions") == [("parked", 1)]


async def test_failure_is_announced_once_without_lead_data(installation, application, broker):
    people = await failing(installation, application, 3)
    sweeping = installation.core.sweeping()
    assert [await sweeping.announce_failed(), await sweeping.announce_failed()] == [3, 0]
    ids = await installation.rows("SELECT id FROM transactions ORDER BY id")
    assert waiting(broker) == [{"transaction": id, "attempts": 1} for id in ids]
    assert people


async def test_tick_replays_what_stands_in_the_queue(installation, application, broker):
    await failing(installation, application, 3)
    await installation.core.sweeping().announce_failed()
    await role(installation).tick()
    assert await installation.states("application") == ["pending"] * 3
    assert waiting(broker) == []


async def test_message_of_a_transaction_that_moved_on_is_dropped(installation, application, broker):
    await failing(installation, application)
    await installation.core.sweeping().announce_failed()
    application.lift()
    await installation.core.replaying().replay("application")
    await installation.deliver("application")
    await role(installation).tick()
    assert (await installation.states("application"), waiting(broker)) == (["succeeded"], [])


async def test_what_failed_since_the_tick_waits_for_the_next(installation, application, broker):
    await failing(installation, application)
    tick_at = installation.clock() - 2 * SECOND  # another process was quicker, and what it replayed has failed again
    await installation.core.sweeping().announce_failed()
    await role(installation).tick(tick_at)
    assert await installation.states("application") == ["failed"]
    assert await installation.core.sweeping().announce_failed() == 1
    await role(installation).tick()
    assert (await installation.states("application"), waiting(broker)) == (["pending"], [])


async def test_retry_by_hand_delivers_once_and_its_message_is_dropped(installation, application, broker):
    [(_, mail)] = await failing(installation, application)
    await installation.core.sweeping().announce_failed()
    application.lift()
    application.forget_calls()
    await Retrying(installation.core.db, installation.clock).retry(Selection(system="application"))
    await installation.deliver("application")
    assert len(waiting(broker)) == 1
    for _ in range(2):
        await role(installation).tick()
        await installation.deliver("application")
    assert (await installation.states("application"), waiting(broker)) == (["succeeded"], [])
    assert application.count_calls()["write"] == 1
    assert [lead["email"] for lead in application.leads()].count(mail) == 1


async def test_foreign_message_in_the_failed_queue_stops_no_replay(installation, application, broker):
    await failing(installation, application)
    await installation.core.publisher.publish([Outgoing("", QUEUE, body) for body in FOREIGN])
    await installation.core.sweeping().announce_failed()
    await role(installation).tick()
    assert (await installation.states("application"), waiting(broker)) == (["pending"], [])


async def test_purged_failed_queue_loses_no_transaction(installation, application, broker):
    await failing(installation, application, 3)
    sweeping = installation.core.sweeping()
    await sweeping.announce_failed()
    purge(broker)
    await role(installation).tick()  # should have brought them, and did not
    assert await installation.states("application") == ["failed"] * 3
    assert await sweeping.announce_failed() == 3
    await role(installation).tick()
    assert await installation.states("application") == ["pending"] * 3


async def test_two_replayers_at_once_replay_once(installation, application):
    await failing(installation, application, 20)
    others = [installation.another() for _ in range(3)]
    replayed = await asyncio.gather(*(core.replaying().replay("application") for core in others))
    assert sum(one.pending for one in replayed) == 20
    assert await installation.one("SELECT sum(count) FROM counters WHERE name = 'replayed'") == 20


async def test_failure_that_was_planned_anew_absorbs_its_twin(installation, application):
    [(row, mail)] = await planned(installation)
    application.order("locked", only="write", records=[mail])
    application.order("slow", only="write", times=1, seconds=1.0)
    delivering = asyncio.create_task(installation.core.delivery().deliver("application"))
    while await asyncio.to_thread(lambda: len(application.faults()) > 1):
        await asyncio.sleep(0.01)
    await installation.take("crm", told("crm", row, contact(email=mail, city="Pune"), verb="updated", at=now()))
    assert await installation.states("application") == ["processing", "pending"]
    await delivering
    assert await installation.states("application") == ["pending", "superseded"]


async def test_expired_claims_are_returned_once(installation, application):
    await planned(installation, 5)
    await installation.core.delivery().claim("application")
    other = installation.another()
    installation.ahead += 120 * SECOND
    await asyncio.gather(installation.core.sweeping().return_expired(), other.sweeping().return_expired())
    assert await installation.rows("SELECT DISTINCT state, expiries FROM transactions") == [("pending", 1)]
    states = "SELECT value, sum(count) FROM counters WHERE name = 'state' GROUP BY value HAVING sum(count) <> 0"
    assert await installation.rows(states) == [("pending", 5)]
