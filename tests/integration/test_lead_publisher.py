"""What an application publishes arrives once it is confirmed, whatever becomes of the connection meanwhile."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from producers.lead_publisher import (
    BrokerUnreachable,
    Change,
    LeadPublisher,
    PublishRefused,
    Unroutable,
)
from tests.integration.lines import Relay, Trial


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
