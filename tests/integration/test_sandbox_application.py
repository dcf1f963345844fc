"""The pretend application tells a real broker what changed, in order, also after an outage of the broker."""

import json
import time
from pathlib import Path

import pika

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.nodes import private_broker


def test_outbox_empties_in_order_once_the_broker_is_back(tmp_path: Path) -> None:
    with private_broker(tmp_path / "node", controllable=True) as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        channel = connection.channel()
        channel.exchange_declare("sync.events", "topic", durable=True)
        channel.queue_declare("heard", durable=True)
        channel.queue_bind("heard", "sync.events", "application.lead.*")
        connection.close()
        broker.stop()
        with PretendApplication(tmp_path / "application", broker=broker.url) as application:
            ids = application.create([{"firstName": f"A{number}"} for number in range(20)])
            application.edit({id: {"stage": "Q"} for id in ids})
            assert application.counts()["outbox"] == 40
            broker.start()
            end = time.monotonic() + 60
            while application.counts()["outbox"]:
                assert time.monotonic() < end
                time.sleep(0.05)
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        channel = connection.channel()
        heard = [json.loads(channel.basic_get("heard", auto_ack=True)[2]) for _ in range(40)]
        connection.close()
    assert [event["subject"] for event in heard] == ids + ids
    assert [event["type"] for event in heard] == ["lead.created"] * 20 + ["lead.updated"] * 20
    assert heard[-1]["data"] == {"stage": "Q", "key": None}
