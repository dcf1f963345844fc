"""A consumer that the broker has forgotten is connected anew; one that stays forgotten ends its process."""

import asyncio

import pytest

from consumers.watchdog import REBUILDS, STILL, QueueNotRead, Watchdog
from sync_system.messaging.broker import Outgoing, Publisher
from sync_system.messaging.consumer import Consumer
from sync_system.messaging.subscription import Subscription
from sync_system.messaging.topology import EVENTS, events_queue, routing_key, topology
from sync_system.services.status import QueueStatus

TOPOLOGY = topology(("application", "crm"))
QUEUE = events_queue("application")


async def test_forgotten_consumer_is_connected_anew(broker, monkeypatch):
    opened, taken, got = [], [], asyncio.Event()
    open_one = Subscription.open

    async def remember(*arguments):
        opened.append(await open_one(*arguments))
        return opened[-1]

    async def take(batch):
        taken.extend(batch)
        got.set()

    monkeypatch.setattr(Subscription, "open", remember)
    consumer, stop = Consumer(broker.url, TOPOLOGY, QUEUE, take), asyncio.Event()
    watchdog, publisher = Watchdog([consumer], broker.url, TOPOLOGY, pause=0.05), Publisher(broker.url, TOPOLOGY)
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        group.create_task(watchdog.run(stop))
        await consumer.connected.wait()
        await opened[0].cancel()
        await publisher.publish([Outgoing(EVENTS, routing_key("application", "lead", "created"), b"{}")])
        await got.wait()
        stop.set()
    await publisher.aclose()
    assert ([message.body for message in taken], len(opened)) == ([b"{}"], 2)


def test_queue_that_is_never_read_ends_the_process():
    async def take(_):
        pass

    consumer = Consumer("amqp://127.0.0.1:1/", TOPOLOGY, QUEUE, take)
    consumer.connected.set()
    watchdog = Watchdog([consumer], consumer.url, TOPOLOGY)
    full = {QUEUE: QueueStatus(QUEUE, 7, 0)}
    for _ in range((REBUILDS + 1) * STILL):
        watchdog.judge(full)
    with pytest.raises(QueueNotRead, match="holds 7 messages"):
        watchdog.judge(full)


def test_queue_that_is_read_or_empty_is_left_alone():
    async def take(_):
        pass

    consumer = Consumer("amqp://127.0.0.1:1/", TOPOLOGY, QUEUE, take)
    consumer.connected.set()
    watchdog = Watchdog([consumer], consumer.url, TOPOLOGY)
    for turn in range(50):
        consumer.received += turn % 2
        watchdog.judge({QUEUE: QueueStatus(QUEUE, 7 * (turn % 2), 1)})
