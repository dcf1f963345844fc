"""Consuming by the batch: acknowledged in order once it is safe, through poison, cut lines and a broker that refuses."""

import asyncio
import uuid
from collections import Counter
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import orjson
import pika
import pytest

from consumers.intake import LONE_TRIES, IntakeConsumer
from consumers.roles import hints_of
from sync_system.errors import BrokerUnavailable, PublishRefused
from sync_system.messaging.broker import Outgoing, Publisher
from sync_system.messaging.consumer import SUSPECT_AFTER, Consumer
from sync_system.messaging.subscription import Incoming
from sync_system.messaging.topology import EVENTS, REJECTED, events_queue, routing_key, topology
from tests.integration.installation import email, fresh, told
from tests.integration.lines import Relay

TOPOLOGY = topology(("application", "crm"))
QUEUE = events_queue("application")
KEY = routing_key("application", "lead", "created")


@pytest.fixture
def relay(broker):
    parts = urlsplit(broker.url)
    with Relay(parts.hostname, parts.port or 5672) as relay:
        relay.url = broker.url.replace(f"@{parts.hostname}:{parts.port}", f"@127.0.0.1:{relay.port}")
        yield relay


@pytest.fixture
async def publisher(broker):
    publisher = Publisher(broker.url, TOPOLOGY)
    yield publisher
    await publisher.aclose()


async def publish(publisher, bodies):
    await publisher.publish([Outgoing(EVENTS, KEY, body) for body in bodies])


@asynccontextmanager
async def consuming(url, handler, **options):
    """Consume while the block runs."""
    stop = asyncio.Event()
    consumer = Consumer(url, TOPOLOGY, QUEUE, handler, **{"batch": 10, "linger": 0.01} | options)
    task = asyncio.create_task(consumer.run(stop))
    try:
        async with asyncio.timeout(40):
            await consumer.connected.wait()
            yield consumer
    finally:
        stop.set()
        await task


def messages(url, queue=QUEUE):
    """Take what stands in a queue."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel, found = connection.channel(), []
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(got[2])
    return found


class Taken:
    """A handler that notes what it was given, and can be waited for."""

    def __init__(self):
        self.seen, self.changed = [], asyncio.Event()

    async def __call__(self, batch):
        self.note(batch)

    def note(self, batch):
        self.seen.extend(message.body for message in batch)
        self.changed.set()

    async def until(self, count):
        while len(set(self.seen)) < count:
            self.changed.clear()
            await self.changed.wait()


async def test_channel_that_is_dropped_takes_no_newer_one_with_it(publisher):
    old = await publisher._open()
    await publisher._drop(old)
    new = await publisher._open()
    await publisher._drop(old)
    assert (await publisher._open(), new.is_closed) == (new, False)


async def test_batch_that_is_cut_off_is_handed_out_again(broker, publisher):
    taken, cut = Taken(), iter([True])

    async def handle(batch):
        if next(cut, False):
            raise asyncio.CancelledError
        taken.note(batch)

    await publish(publisher, [b"one"])
    async with consuming(broker.url, handle):
        await taken.until(1)


async def test_every_message_is_handed_over_by_the_batch(broker, publisher):
    bodies = [b"%d" % i for i in range(95)]
    await publish(publisher, bodies)
    taken, sizes = Taken(), []

    async def handle(batch):
        sizes.append(len(batch))
        taken.note(batch)

    async with consuming(broker.url, handle):
        await taken.until(95)
    assert (taken.seen, max(sizes)) == (bodies, 10)
    assert messages(broker.url) == []


async def test_nothing_is_acknowledged_past_what_is_not_safe(broker, relay, publisher):
    await publish(publisher, [b"%d" % i for i in range(30)])
    started, gates = asyncio.Queue(), {}

    async def handle(batch):
        gates[batch[0].body] = gate = asyncio.Event()
        started.put_nowait(batch[0].body)
        await gate.wait()

    async with consuming(relay.url, handle, in_flight=2) as consumer:
        first, second = [await started.get() for _ in range(2)]
        gates[second].set()  # safe, but behind one that is not
        third = await started.get()
        assert [first, second, third] == sorted([b"0", second, third], key=int)
        await cut(relay, consumer)
    assert len(messages(broker.url)) == 30


async def test_all_is_acknowledged_once_the_first_is_safe(broker, publisher):
    await publish(publisher, [b"%d" % i for i in range(30)])
    first, taken = asyncio.Event(), Taken()

    async def handle(batch):
        taken.note(batch)
        if batch[0].body == b"0":
            await first.wait()

    async with consuming(broker.url, handle, in_flight=3):
        await taken.until(30)
        first.set()
    assert messages(broker.url) == []


async def test_batch_in_hand_is_ended_before_the_stop(broker, publisher):
    await publish(publisher, [b"%d" % i for i in range(10)])
    started, ended = asyncio.Event(), []

    async def handle(batch):
        started.set()
        await asyncio.sleep(0.1)
        ended.extend(batch)

    async with consuming(broker.url, handle):
        await started.wait()
    assert (len(ended), messages(broker.url)) == (10, [])


async def test_cut_line_loses_no_event(installation, broker, relay, publisher):
    bodies = [told("application", fresh(), {"key": None, "email": email()}) for _ in range(400)]
    await publish(publisher, bodies)
    ingest = installation.core.ingest()

    async def handle(batch):
        await ingest.take("application", [message.body for message in batch])
        if relay.connections < 4:
            relay.cut()  # committed, and not acknowledged

    async with consuming(relay.url, handle, batch=50):
        while await installation.one("SELECT count(*) FROM events") < 400:
            await asyncio.sleep(0.02)
    assert await installation.one("SELECT count(*) FROM records") == 400
    assert await installation.one("SELECT sum(count) FROM counters WHERE name = 'repeated'") > 0
    assert relay.connections >= 4
    assert messages(broker.url) == []


class Poisonous:
    """An intake that breaks on one message, wherever it stands."""

    def __init__(self, ingest, poison):
        self.ingest, self.poison, self.tries = ingest, poison, Counter()

    def __getattr__(self, name):
        return getattr(self.ingest, name)

    async def take(self, system, bodies):
        self.tries.update(bodies)
        if self.poison in bodies:
            raise RuntimeError("a bug that this message meets")
        return await self.ingest.take(system, bodies)


async def test_poison_is_found_alone_and_its_neighbours_pass(installation, broker, publisher, monkeypatch):
    monkeypatch.setattr("sync_system.messaging.consumer.BACKOFF_SECONDS", (0.0,))
    bodies = [told("application", fresh(), {"key": None, "email": email()}) for _ in range(30)]
    poison = bodies[14]
    await publish(publisher, bodies)
    ingest = Poisonous(installation.core.ingest(), poison)
    intake = IntakeConsumer("application", ingest, installation.core.publisher, hints_of(installation.core))
    async with consuming(broker.url, intake.handle):
        while await installation.one("SELECT count(*) FROM events") < 30:
            await asyncio.sleep(0.05)
    assert await installation.rows("SELECT outcome, count(*) FROM events GROUP BY outcome ORDER BY outcome") == [
        ("accepted", 29),
        ("invalid", 1),
    ]
    assert ingest.tries[poison] <= SUSPECT_AFTER + 2
    assert messages(broker.url) == []
    [pointer] = map(orjson.loads, messages(broker.url, REJECTED))
    assert pointer["event"] == await installation.one("SELECT id FROM events WHERE outcome = 'invalid'")
    assert pointer["reason"] == "cannot be taken in: RuntimeError: a bug that this message meets"


class Killed(BaseException):
    """The end of a worker, which nothing in it can catch."""


class Deadly:
    """An ingest that does not outlive one message."""

    def __init__(self, ingest, deadly):
        self.ingest, self.deadly = ingest, deadly

    def __getattr__(self, name):
        return getattr(self.ingest, name)

    async def take(self, system, bodies):
        if self.deadly in bodies:
            raise Killed
        return await self.ingest.take(system, bodies)


async def test_message_that_ends_its_workers_is_rejected_and_its_neighbours_pass(installation, broker, publisher):
    deadly, neighbour = (told("application", fresh(), {"key": None, "email": email()}) for _ in range(2))
    ingest = Deadly(installation.core.ingest(), deadly)
    intake = IntakeConsumer("application", ingest, installation.core.publisher, hints_of(installation.core))
    often = SUSPECT_AFTER * 5  # every message that a dead worker held has come back as often
    for _ in range(LONE_TRIES):
        with pytest.raises(Killed):
            await intake.handle([Incoming(deadly, often)])
    await intake.handle([Incoming(neighbour, often)])
    await intake.handle([Incoming(deadly, often)])
    outcomes = await installation.rows("SELECT outcome FROM events ORDER BY outcome")
    assert (outcomes, await installation.rows("SELECT message FROM suspects")) == (["accepted", "invalid"], [])
    assert "ends its worker" in await installation.one("SELECT error FROM events WHERE outcome = 'invalid'")


async def test_rejected_message_leaves_a_pointer_without_lead_data(installation, broker, publisher):
    intake = IntakeConsumer(
        "application", installation.core.ingest(), installation.core.publisher, hints_of(installation.core)
    )
    bad = told("application", fresh(), {"email": "secret-name, no address"})
    await publish(publisher, [bad])
    async with consuming(broker.url, intake.handle):
        while not await installation.rows("SELECT id FROM events"):
            await asyncio.sleep(0.02)
    [body] = messages(broker.url, REJECTED)
    assert b"secret-name" not in body
    assert orjson.loads(body)["event"] == await installation.one("SELECT id FROM events")


async def test_unroutable_publish_raises(publisher):
    with pytest.raises(PublishRefused):
        await publisher.publish([Outgoing(EVENTS, routing_key("nobody", "lead", "created"), b"{}")])


async def test_publisher_goes_on_after_an_unroutable_message(broker, publisher):
    body = uuid.uuid4().bytes
    with pytest.raises(PublishRefused):
        await publisher.publish([Outgoing(EVENTS, "nobody.lead.created", b"{}")])
    await publish(publisher, [body])
    assert messages(broker.url) == [body]


async def test_publisher_goes_on_after_a_cut_line(broker, relay):
    publisher = Publisher(relay.url, TOPOLOGY)
    await publish(publisher, [b"one"])
    relay.cut()
    sent = [b"one"]
    while len(sent) < 2:
        try:
            await publish(publisher, [b"two"])
            sent.append(b"two")
        except BrokerUnavailable:
            await asyncio.sleep(0.05)
    await publisher.aclose()
    assert set(messages(broker.url)) == {b"one", b"two"}


async def cut(relay, consumer):
    """Cut the line, and wait until the consumer has noticed."""
    relay.cut()
    while consumer.connected.is_set():
        await asyncio.sleep(0.01)
