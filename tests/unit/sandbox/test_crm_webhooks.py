"""The pretend CRM tells of changes as the vendor does: in pieces, in disorder, twice, and again when refused."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from webhook_receiver import Received, Receiver, webhook_receiver

from sync_system.sandbox.crm import PretendCrm

HOOKS = {"earliest": 0, "latest": 0.01, "duplicated": 0.0, "schedule": [0.05] * 10}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PretendCrm, Receiver]]:
    with (
        webhook_receiver() as receiver,
        PretendCrm(tmp_path_factory.mktemp("telling"), webhook_url=receiver.url) as crm,
    ):
        yield crm, receiver


@pytest.fixture
def telling(pair: tuple[PretendCrm, Receiver]) -> Iterator[PretendCrm]:
    crm, receiver = pair
    crm.tune(webhooks=HOOKS)
    yield crm
    receiver.statuses.clear()
    until(lambda: crm.counts()["changes_waiting"] + crm.counts()["deliveries_waiting"] == 0)
    receiver.requests.clear()


@pytest.fixture
def receiver(pair: tuple[PretendCrm, Receiver]) -> Receiver:
    return pair[1]


def events(requests: list[Received]) -> list[dict[str, Any]]:
    return [event for request in requests for event in json.loads(request.body)]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def told(requests: list[Received], kind: str) -> list[dict[str, Any]]:
    return [event for event in events(requests) if event["subscriptionType"] == f"contact.{kind}"]


def test_creation_tells_every_property(telling: PretendCrm, receiver: Receiver) -> None:
    [id] = telling.create([{"email": "ada@example.com", "firstname": "Ada"}])
    requests = receiver.wait_for(lambda seen: len(events(seen)) == 3)
    assert [event["changeFlag"] for event in told(requests, "creation")] == ["NEW"]
    values = {event["propertyName"]: event["propertyValue"] for event in told(requests, "propertyChange")}
    assert values == {"email": "ada@example.com", "firstname": "Ada"}
    assert {(event["objectId"], event["changeSource"]) for event in events(requests)} == {(int(id), "CRM_UI")}


def test_own_writes_are_marked_as_integration(telling: PretendCrm, receiver: Receiver) -> None:
    headers = {"Authorization": f"Bearer {telling.token}"}
    body = {"properties": {"firstname": "Ada"}}
    httpx.post(f"{telling.url}/crm/v3/objects/contacts", json=body, headers=headers, trust_env=False)
    requests = receiver.wait_for(lambda seen: len(events(seen)) == 2)
    assert {(event["changeSource"], event["sourceId"]) for event in events(requests)} == {("INTEGRATION", "54321")}


def test_merge_and_deletion_are_told(telling: PretendCrm, receiver: Receiver) -> None:
    ids = [int(id) for id in telling.create([{"firstname": "A"}, {"firstname": "B", "company": "Acme"}])]
    telling.merge(str(ids[0]), str(ids[1]))
    telling.delete([str(ids[0])])
    requests = receiver.wait_for(lambda seen: told(seen, "deletion") and told(seen, "merge"))
    [merge] = told(requests, "merge")
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (ids[0], [ids[1]])
    assert told(requests, "deletion")[0]["objectId"] == ids[0]


def test_refused_delivery_comes_again_counted(telling: PretendCrm, receiver: Receiver) -> None:
    receiver.statuses = [503, 500, 204]
    telling.create([{"firstname": "Ada"}])
    requests = receiver.wait_for(lambda seen: len(seen) == 3)
    attempts = [{event["attemptNumber"] for event in json.loads(request.body)} for request in requests]
    assert attempts == [{0}, {1}, {2}]


def test_definite_no_is_not_repeated(telling: PretendCrm, receiver: Receiver) -> None:
    receiver.statuses = [404]
    telling.create([{"firstname": "Ada"}])
    receiver.wait_for(bool)
    telling.create([{"firstname": "Bo"}])
    requests = receiver.wait_for(lambda seen: len(seen) >= 2)
    assert {event["attemptNumber"] for event in events(requests)} == {0}
    until(lambda: telling.counts()["deliveries_waiting"] == 0)


def test_events_come_in_batches_twice_and_in_disorder(telling: PretendCrm, receiver: Receiver) -> None:
    telling.tune(webhooks={"earliest": 0.05, "latest": 0.05, "duplicated": 1.0})
    telling.create([{"firstname": f"A{number}"} for number in range(60)])
    requests = receiver.wait_for(lambda seen: len(events(seen)) == 240)
    assert max(len(json.loads(request.body)) for request in requests) == 100
    ids = [event["eventId"] for event in events(requests)]
    assert ids != sorted(ids)
    assert {ids.count(id) for id in ids} == {2}


def test_changes_outlive_an_outage_of_the_crm(telling: PretendCrm, receiver: Receiver) -> None:
    telling.tune(webhooks={"earliest": 3, "latest": 3})
    [id] = telling.create([{"firstname": "Ada"}])
    telling.down(abruptly=True)
    with pytest.raises(httpx.TransportError):
        httpx.get(telling.url, trust_env=False)
    assert receiver.requests == []
    telling.up()
    requests = receiver.wait_for(lambda seen: told(seen, "creation"))
    assert told(requests, "creation")[0]["objectId"] == int(id)
