"""Rejected messages are mended, put back or dropped; the pointers of the others stay where they are."""

from contextlib import closing

import orjson
import pika
import pytest

from sync_system.domain.correcting import corrected
from sync_system.errors import BrokerUnavailable, InvalidEvent, NotFound
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.topology import REJECTED, events_queue
from sync_system.services.mending import Mending
from tests.integration.installation import contact, email, fresh, told


def mending(core):
    return Mending(core.db, core.catalog, core.publisher, core.broker_url, core.topology, core.clock)


def messages(broker, queue):
    """Return what stands in a queue, without taking it out."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        channel, found = connection.channel(), []
        while (got := channel.basic_get(queue))[0] is not None:
            found.append(got[2])
    return found


def pointers(broker):
    return sorted(orjson.loads(body)["event"] for body in messages(broker, REJECTED))


async def rejected(installation, *bodies):
    """Let intake reject messages of the CRM's, with their pointers; return their ids."""
    ingested = await installation.take("crm", *bodies)
    await installation.core.publisher.publish([r.pointer() for r in ingested.rejected])
    return [r.id for r in ingested.rejected]


def broken(**more):
    return told("crm", fresh(), contact(email="not an address", firstname="Asha", **more))


def with_email(mail):
    return lambda message: corrected(message, {"data.email": mail})


async def test_mended_message_is_taken_in(installation, broker):
    mine, other = await rejected(installation, broken(), broken())
    mail = email()
    await mending(installation.core).mend(mine, with_email(mail))
    [body] = messages(broker, events_queue("crm"))
    assert dict((await installation.take("crm", body)).taken.outcomes) == {"accepted": 1}
    assert await installation.one("SELECT value FROM matches") == mail
    assert pointers(broker) == [other]
    assert [one.id for one in await mending(installation.core).waiting(None, 10)] == [other]
    with pytest.raises(NotFound, match="dealt with already: put back"):
        await mending(installation.core).get(mine)


async def test_mending_that_mends_nothing_is_refused(installation, broker):
    [id] = await rejected(installation, broken())
    with pytest.raises(InvalidEvent, match=r"data\.email"):
        await mending(installation.core).mend(id, with_email("still none"))
    assert (messages(broker, events_queue("crm")), pointers(broker)) == ([], [id])


async def test_message_is_put_back_once_the_cause_is_gone(install, broker):
    strict = install(objects={"lead": {"fields": {"city": {"max_length": 3}}}})
    first, second = await rejected(strict, told("crm", fresh(), contact(email=email(), city="Bengaluru")), broken())
    put_back = await mending(strict.core).retry([first, second])
    assert (put_back.count, {id for id, _ in put_back.refused}) == (0, {first, second})
    relaxed = install()
    put_back = await mending(relaxed.core).retry([first, second])
    assert (put_back.count, [id for id, _ in put_back.refused]) == (1, [second])
    assert pointers(broker) == [second]
    [body] = messages(broker, events_queue("crm"))
    assert dict((await relaxed.take("crm", body)).taken.outcomes) == {"accepted": 1}


async def test_dropped_message_is_remembered_with_its_reason(installation, broker):
    mine, other = await rejected(installation, broken(), b"no json")
    assert await mending(installation.core).drop([mine], "a test of theirs") == 1
    with pytest.raises(NotFound, match="dropped: a test of theirs"):
        await mending(installation.core).get(mine)
    assert (pointers(broker), messages(broker, events_queue("crm"))) == ([other], [])
    assert await installation.one("SELECT count(*) FROM events") == 2


async def test_same_message_again_waits_again(installation, broker):
    body = broken()
    [id] = await rejected(installation, body)
    await mending(installation.core).drop([id], "a test of theirs")
    assert await rejected(installation, body) == [id]
    assert [one.id for one in await mending(installation.core).waiting("crm", 10)] == [id]
    assert pointers(broker) == [id]


async def test_message_that_is_rejected_while_it_is_put_back_stays_open(installation, broker):
    body = broken()
    [id] = await rejected(installation, body)
    service = mending(installation.core)
    publish = service.publisher.publish

    async def meanwhile(outgoing):
        await publish(outgoing)
        await installation.take("crm", body)

    service.publisher.publish = meanwhile
    try:
        await service.mend(id, with_email(email()))
    finally:
        service.publisher.publish = publish
    assert [one.id for one in await service.waiting(None, 10)] == [id]
    assert pointers(broker) == [id]


async def test_end_between_publishing_and_noting_loses_nothing(installation, broker):
    [id] = await rejected(installation, broken())
    service = mending(installation.core)
    await service.publisher.publish([Outgoing("", REJECTED, b"by hand")])
    mail = email()
    for _ in range(2):
        await service.mend(id, with_email(mail)) if _ else await _published(service, id, mail)
    bodies = messages(broker, events_queue("crm"))
    assert dict((await installation.take("crm", *bodies)).taken.outcomes) == {"accepted": 1}
    assert messages(broker, REJECTED) == [b"by hand"]


async def _published(service, id, mail):
    """Do what mending does before it notes it."""
    message = with_email(mail)((await service.get(id)).message())
    await service.publisher.publish([Outgoing("sync.events", "crm.lead.created", orjson.dumps(message))])


async def test_broker_that_is_away_changes_nothing(installation):
    await installation.take("crm", broken())
    [found] = await mending(installation.core).waiting(None, 10)
    with pytest.raises(BrokerUnavailable):
        await mending(installation.core).mend(found.id, with_email(email()))
    assert [one.id for one in await mending(installation.core).waiting(None, 10)] == [found.id]


async def test_beginning_of_an_id_is_enough(installation):
    ids = [r.id for r in (await installation.take("crm", broken(), broken())).rejected]
    service = mending(installation.core)
    assert (await service.get(ids[0][:12])).id == ids[0]
    for name in ("", "abc", "%", "0" * 32):
        with pytest.raises(NotFound):
            await service.get(name)


async def test_message_that_was_cut_is_not_put_back(installation, broker):
    [id] = await rejected(installation, broken(message="x" * 70_000))
    put_back = await mending(installation.core).retry([id])
    assert (put_back.count, "longer than what is kept" in put_back.refused[0][1]) == (0, True)
