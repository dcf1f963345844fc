"""The async twin keeps the same promises as the LeadPublisher."""

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from producers.async_publisher import AsyncLeadPublisher
from producers.importer import Options, import_file, open_import
from producers.lead_publisher import Change
from sync_system.errors import BrokerUnavailable, PublishRefused
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


def publisher(trial, url=None, source="application", **options):
    return AsyncLeadPublisher(url or trial.url, source, exchange=trial.exchange, **options)


async def test_all_verbs_arrive_in_order(trial):
    async with publisher(trial) as leads:
        ids = [
            await leads.created(1, {"email": "ada@example.com"}),
            await leads.updated(1, {"stage": "won"}),
            await leads.deleted(1),
        ]
    found = trial.messages()
    assert [key for key, _, _ in found] == [f"application.lead.{verb}" for verb in ("created", "updated", "deleted")]
    assert [event["id"] for _, _, event in found] == [properties.message_id for _, properties, _ in found] == ids


async def test_many_changes_arrive_once_each(trial):
    changes = (Change("updated", number, {"score": number}) for number in range(1_200))
    async with publisher(trial) as leads:
        ids = await leads.publish_many(changes)
    assert [event["id"] for _, _, event in trial.messages()] == ids


async def test_unroutable_events_are_refused(trial):
    async with publisher(trial, source="nobody") as leads:
        with pytest.raises(PublishRefused, match=r"no queue for nobody\.lead\.deleted"):
            await leads.deleted(1)


async def test_missing_exchange_is_refused_at_once(trial):
    async with AsyncLeadPublisher(trial.url, "application", exchange="trial.absent") as leads:
        with pytest.raises(PublishRefused, match=r"trial\.absent"):
            await leads.deleted(1)


async def test_unreachable_broker_raises_after_its_tries(trial):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with publisher(trial, f"amqp://127.0.0.1:{port}/", tries=2) as leads:
        with pytest.raises(BrokerUnavailable, match="did not take 1 events"):
            await leads.deleted(1)


async def test_cut_connection_loses_no_event(trial, relay):
    relay.after = 100_000  # bytes: in the midst of the batch
    async with publisher(trial, relay.url) as leads:
        ids = await leads.publish_many(Change("updated", n, {"description": "x" * 300}) for n in range(1_000))
    assert {event["id"] for _, _, event in trial.messages()} == set(ids)
    assert relay.connections == 2


async def test_callers_share_one_connection(trial, relay):
    async with publisher(trial, relay.url) as leads:
        ids = await asyncio.gather(*(leads.deleted(number) for number in range(20)))
    assert {event["id"] for _, _, event in trial.messages()} == set(ids)
    assert relay.connections == 1


async def test_imported_file_is_published_with_progress(trial, tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text("id,mail\n1,a@example.com\n,b@example.com\n3,c@example.com\n")
    source = open_import(path, "application", {"email": "mail"}, Options("id"))
    seen = []
    async with publisher(trial) as leads:
        progress = await import_file(leads, source, report=lambda now: seen.append((now.published, len(now.refused))))
    assert (progress.published, [refused.line for refused in progress.refused]) == (2, [3])
    assert seen == [(2, 1)]
    assert [event["data"] for _, _, event in trial.messages()] == [{"mail": "a@example.com"}, {"mail": "c@example.com"}]
