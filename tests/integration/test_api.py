"""What is posted over HTTP stands in RabbitMQ once it is answered for."""

import base64
import hmac
import json
import time
from contextlib import closing

import httpx
import pika
import pytest
import structlog

from api.app import create_app
from sync_system.bootstrap import build
from sync_system.connectors.registry import connector_types
from sync_system.messaging.envelope import decode
from sync_system.messaging.topology import events_queue
from sync_system.settings import load_text

SECRET = b"the secret of the webhooks"
CONFIGURATION = """
database: {database}
broker: {broker}
systems:
  application:
    connector: rest
    base_url: https://app.example.com
    webhook: {{secret: "{secret}"}}
    lead: {{fields: {{email: email, first_name: firstName}}}}
  crm:
    connector: rest
    base_url: https://crm.example.com
    lead: {{fields: {{email: email}}}}
"""


@pytest.fixture
async def core(sqlite_url, broker):
    secret = base64.b64encode(SECRET).decode()
    text = CONFIGURATION.format(database=sqlite_url, broker=broker.url, secret=secret)
    core = build(load_text(text, connector_types(), {}), connector_types())
    with structlog.testing.capture_logs():
        yield core
    await core.aclose()


@pytest.fixture
async def client(core):
    transport = httpx.ASGITransport(create_app(core), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def event(id, **more):
    known = {"specversion": "1.0", "id": id, "source": "application", "type": "lead.created", "subject": f"row-{id}"}
    return known | {"data": {"email": f"{id}@example.com"}} | more


def queued(url, system):
    """Take everything out of a system's queue."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(events_queue(system), auto_ack=True))[0] is not None:
            found.append((got[1], got[2]))
        return found


def signed(body, id="msg_1"):
    at = str(int(time.time()))
    signature = base64.b64encode(hmac.digest(SECRET, f"{id}.{at}.".encode() + body, "sha256")).decode()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}


async def test_one_event_is_published_as_it_came(client, core):
    body = json.dumps(event("e1", traceparent="00-1-2-03"))
    reply = await client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents+json"})
    assert reply.status_code == 202
    assert reply.json() == {
        "accepted": 1,
        "refused": 0,
        "results": [{"index": 0, "id": "e1", "status": "accepted"}],
    }
    ((properties, found),) = queued(core.broker_url, "application")
    assert found == body.encode()
    assert (properties.message_id, properties.delivery_mode) == ("e1", 2)


async def test_one_bad_event_does_not_stop_the_others(client, core):
    items = [event("e1"), event("e2", type="lead.vanished"), event("e3", source="crm")]
    reply = await client.post(
        "/v1/events", content=json.dumps(items), headers={"content-type": "application/cloudevents-batch+json"}
    )
    assert reply.status_code == 202
    assert [result["status"] for result in reply.json()["results"]] == ["accepted", "refused", "accepted"]
    assert [decode(body).id for _, body in queued(core.broker_url, "application")] == ["e1"]
    assert [decode(body).id for _, body in queued(core.broker_url, "crm")] == ["e3"]


async def test_webhook_is_published_event_by_event(client, core):
    body = json.dumps(
        {"type": "lead.updated", "timestamp": "2026-05-01T10:00:00Z", "data": {"id": 7, "email": "a@b.de"}}
    )
    reply = await client.post("/webhooks/application", content=body, headers=signed(body.encode()))
    assert (reply.status_code, reply.json()) == (202, {"events": 1})
    ((_, found),) = queued(core.broker_url, "application")
    assert (decode(found).external_id, decode(found).data) == ("7", {"email": "a@b.de"})


async def test_webhook_about_other_things_is_done(client, core):
    body = b'{"type": "invoice.paid", "data": {"id": 7}}'
    reply = await client.post("/webhooks/application", content=body, headers=signed(body))
    assert (reply.status_code, reply.content) == (204, b"")
    await client.post("/v1/events", json=event("later"))
    assert [decode(body).id for _, body in queued(core.broker_url, "application")] == ["later"]


async def test_webhook_that_was_changed_on_its_way_is_refused(client, core):
    headers = signed(b'{"type": "lead.updated", "data": {"id": 7}}')
    changed = b'{"type": "lead.deleted", "data": {"id": 7}}'
    assert (await client.post("/webhooks/application", content=changed, headers=headers)).status_code == 401
    await client.post("/v1/events", json=event("later"))
    assert [decode(body).id for _, body in queued(core.broker_url, "application")] == ["later"]


async def test_event_without_a_queue_is_not_accepted(client, core):
    assert (await client.post("/v1/events", json=event("e1"))).status_code == 202
    with closing(pika.BlockingConnection(pika.URLParameters(core.broker_url))) as connection:
        connection.channel().queue_delete(events_queue("application"))
    assert (await client.post("/v1/events", json=event("e2"))).status_code == 503


async def test_broker_and_ledger_answer_when_ready(client):
    reply = await client.get("/readyz")
    assert reply.status_code == 200
    assert reply.json() == {"status": "ok", "broker": "ok", "ledger": "ok"}
