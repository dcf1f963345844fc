"""What an application publishes arrives once it is confirmed, whatever becomes of the connection meanwhile."""

import json
import select
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pika
import pytest

from producers.lead_publisher import (
    BrokerUnreachable,
    Change,
    LeadPublisher,
    PublishRefused,
    Unroutable,
)

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"


class Relay:
    """A TCP relay before the broker that can cut its connections or fall silent."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.pairs, self.connections, self.silent = [], 0, False
        self.heartbeats = threading.Semaphore(0)
        self.after, self.seen = None, 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.server.close()
        self.cut()

    def cut(self):
        for one in [half for pair in self.pairs for half in pair]:
            one.close()
        self.pairs = []

    def run(self):
        while not self.stopped.is_set():
            halves = [half for pair in self.pairs for half in pair]
            ready, _, _ = select.select([self.server, *halves], [], [], 0.02)
            for half in ready:
                self.accept() if half is self.server else self.forward(half)

    def accept(self):
        near, _ = self.server.accept()
        self.connections += 1
        self.pairs.append((near, socket.create_connection(self.target)))

    def forward(self, half):
        pair = next((pair for pair in self.pairs if half in pair), None)
        if pair is None:
            return
        with suppress(OSError):
            data = half.recv(65_536)
            if not data:
                self.pairs.remove(pair)
                [one.close() for one in pair]
            elif not self.silent:
                other = pair[0] if half is pair[1] else pair[1]
                other.sendall(data)
                self.note(half is pair[0], data)

    def note(self, from_client, data):
        if from_client and data.endswith(HEARTBEAT):
            self.heartbeats.release()
        self.seen += len(data) if from_client else 0
        if self.after is not None and self.seen > self.after:
            self.after = None
            self.cut()


class Trial:
    """An exchange and a queue of one test's own."""

    def __init__(self, url):
        self.url, self.exchange = url, f"trial.{uuid.uuid4().hex}"
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.exchange_declare(self.exchange, "topic", durable=True)
        self.queue = self.channel.queue_declare(self.exchange, durable=True).method.queue
        self.channel.queue_bind(self.queue, self.exchange, "application.#")

    def messages(self):
        found = []
        while True:
            method, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if method is None:
                return found
            found.append((method.routing_key, properties, json.loads(body)))

    def close(self):
        self.channel.queue_delete(self.queue)
        self.channel.exchange_delete(self.exchange)
        self.connection.close()


@pytest.fixture
def trial(broker):
    trial = Trial(broker.url)
    yield trial
    trial.close()


@pytest.fixture
def relay(broker):
    parts = urlsplit(broker.url)
    with Relay(parts.hostname, parts.port or 5672) as relay:
        relay.url = broker.url.replace(f"@{parts.hostname}:{parts.port}", f"@127.0.0.1:{relay.port}")
        yield relay


def publisher(trial, url=None, **options):
    return LeadPublisher(url or trial.url, "application", exchange=trial.exchange, **options)


def test_created_arrives_as_a_cloud_event(trial):
    when = datetime(2026, 5, 1, 10, 20, 30, 5, tzinfo=UTC)
    with publisher(trial) as leads:
        id = leads.created(42, {"email": "ada@example.com", "note": None}, when)
    [(key, properties, event)] = trial.messages()
    assert key == "application.lead.created"
    assert (properties.content_type, properties.delivery_mode) == ("application/cloudevents+json", 2)
    assert properties.message_id == id
    assert event == {
        "specversion": "1.0",
        "id": id,
        "source": "application",
        "type": "lead.created",
        "subject": "42",
        "time": "2026-05-01T10:20:30.000005Z",
        "datacontenttype": "application/json",
        "synccontent": "row",
        "data": {"email": "ada@example.com", "note": None},
    }


def test_updates_say_whether_data_is_whole(trial):
    with publisher(trial) as leads:
        leads.updated("42", {"stage": "won"})
        leads.updated("42", {"stage": "won", "email": None}, whole_row=True)
        leads.deleted("42")
    assert [event.get("synccontent") for _, _, event in trial.messages()] == ["changes", "row", None]


def test_many_changes_arrive_in_order(trial):
    changes = [Change("updated", number, {"score": number}) for number in range(3_000)]
    with publisher(trial) as leads:
        ids = leads.publish_many(changes)
        assert leads.publish_many([]) == []
    assert [event["id"] for _, _, event in trial.messages()] == ids == [change.event_id for change in changes]


def test_threads_share_one_connection(trial, relay):
    with publisher(trial, relay.url) as leads, ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda number: leads.updated(number, {"score": number}), range(80)))
    assert {event["id"] for _, _, event in trial.messages()} == ids
    assert relay.connections == 1


def test_unroutable_events_raise_with_their_ids(trial):
    changes = [Change("created", number, {}) for number in range(3)]
    with (
        LeadPublisher(trial.url, "nobody", exchange=trial.exchange) as leads,
        pytest.raises(Unroutable, match=r"no queue for nobody\.lead\.created") as caught,
    ):
        leads.publish_many(changes)
    assert caught.value.unconfirmed == tuple(change.event_id for change in changes)


def test_publisher_goes_on_after_unroutable_events(trial):
    with publisher(trial) as leads:
        trial.channel.queue_unbind(trial.queue, trial.exchange, "application.#")
        with pytest.raises(Unroutable):
            leads.deleted(1)
        trial.channel.queue_bind(trial.queue, trial.exchange, "application.#")
        id = leads.deleted(1)
    assert [event["id"] for _, _, event in trial.messages()] == [id]


def test_missing_exchange_is_refused_at_once(trial):
    with (
        LeadPublisher(trial.url, "application", exchange="trial.absent") as leads,
        pytest.raises(PublishRefused, match=r"trial\.absent"),
    ):
        leads.deleted(1)


def test_wrong_password_is_refused_and_not_shown(trial):
    user = urlsplit(trial.url).username
    url = trial.url.replace(f"{user}:", f"{user}:not-the-secret-", 1)
    with publisher(trial, url) as leads, pytest.raises(PublishRefused) as caught:
        leads.deleted(1)
    assert "not-the-secret" not in str(caught.value)


def test_unreachable_broker_raises_after_its_tries(trial):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with publisher(trial, f"amqp://127.0.0.1:{port}/", tries=2) as leads, pytest.raises(BrokerUnreachable) as caught:
        leads.deleted(1, datetime.now(UTC))
    assert len(caught.value.unconfirmed) == 1


def test_cut_connection_loses_no_event(trial, relay):
    changes = [Change("updated", number, {"description": "x" * 300}) for number in range(2_000)]
    relay.after = 300_000  # bytes: in the midst of the batch
    with publisher(trial, relay.url) as leads:
        ids = leads.publish_many(changes)
    assert {event["id"] for _, _, event in trial.messages()} == set(ids)
    assert relay.connections == 2


def test_silent_broker_is_given_up(trial, relay):
    with publisher(trial, relay.url, tries=2, timeout=0.5) as leads:
        leads.deleted(1)
        relay.silent = True
        with pytest.raises(BrokerUnreachable):
            leads.deleted(2)
        relay.silent = False
        relay.cut()
        leads.deleted(3)
    assert [event["subject"] for _, _, event in trial.messages()] == ["1", "3"]


def test_idle_connection_stays_open(trial, relay):
    separator = "&" if "?" in relay.url else "?"
    with publisher(trial, f"{relay.url}{separator}heartbeat=1") as leads:
        leads.deleted(1)
        for _ in range(6):
            assert relay.heartbeats.acquire(timeout=10)
        leads.deleted(2)
    assert len(trial.messages()) == 2
    assert relay.connections == 1


def test_publishing_after_close_connects_again(trial):
    leads = publisher(trial)
    leads.deleted(1)
    leads.close()
    leads.deleted(2)
    leads.close()
    assert len(trial.messages()) == 2
