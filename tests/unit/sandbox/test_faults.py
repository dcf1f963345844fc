"""Faults strike what they match, as often as ordered, and calls are logged whatever became of them."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_system.sandbox.crm import PretendCrm

CONTACTS = "/crm/v3/objects/contacts"


def create(http: httpx.Client, name: str, **more: Any) -> httpx.Response:
    return http.post(CONTACTS, json={"properties": {"email": f"{name}@example.com"}}, **more)


def upsert(http: httpx.Client, *keys: str) -> httpx.Response:
    inputs = [
        {"id": key, "idProperty": "sync_external_id", "objectWriteTraceId": key, "properties": {"firstname": "A"}}
        for key in keys
    ]
    return http.post(f"{CONTACTS}/batch/upsert", json={"inputs": inputs})


def stands(crm: PretendCrm, name: str) -> bool:
    return any(each["properties"].get("email") == f"{name}@example.com" for each in crm.contacts())


STATUSES = {
    "unavailable": ({}, 503, None),
    "status": ({"status": 502}, 502, None),
    "limited": ({"retry_after": 7}, 429, "7"),
    "expired_token": ({}, 401, None),
}


@pytest.mark.parametrize(("kind", "more", "status", "wait"), [(key, *STATUSES[key]) for key in STATUSES], ids=STATUSES)
def test_ordered_status_is_answered_once(
    http: httpx.Client, crm: PretendCrm, name: str, kind: Any, more: dict[str, Any], status: int, wait: str | None
) -> None:
    crm.order(kind, times=1, **more)
    refused = create(http, name)
    assert (refused.status_code, refused.headers.get("Retry-After")) == (status, wait)
    assert not stands(crm, name)
    assert create(http, name).status_code == 201
    assert crm.faults() == []


def test_dropped_request_commits_nothing(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("drop", times=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(http, name)
    assert not stands(crm, name)
    assert crm.calls()[-1]["status"] == 0


def test_lost_reply_has_committed(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("lost_reply", times=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(http, name)
    assert stands(crm, name)


@pytest.mark.parametrize(("kind", "committed"), [("hang_before", False), ("hang_after", True)])
def test_hanging_call_runs_into_the_callers_timeout(
    http: httpx.Client, crm: PretendCrm, name: str, kind: Any, committed: bool
) -> None:
    crm.order(kind, times=1)
    with pytest.raises(httpx.ReadTimeout):
        create(http, name, timeout=1)
    assert stands(crm, name) is committed


def test_malformed_reply_cannot_be_read(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("malformed", times=1)
    answer = create(http, name)
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_locked_record_fails_alone_until_cleared(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    number = crm.order("locked", records=[f"{name}-2"])
    answer = upsert(http, f"{name}-1", f"{name}-2")
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["category"] == "RECORD_LOCKED"
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": [f"{name}-2"]}
    assert crm.faults()[0].struck == 1
    crm.lift(number)
    assert upsert(http, f"{name}-1", f"{name}-2").status_code == 200


def test_poison_fails_the_batch_that_carries_it(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("poison", records=[f"{name}-2"], status=400)
    assert upsert(http, f"{name}-1", f"{name}-2").status_code == 400
    assert upsert(http, f"{name}-1").status_code == 200


def test_half_of_a_batch_fails(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("half", status=500)
    answer = upsert(http, *[f"{name}-{number}" for number in range(10)]).json()
    assert (len(answer["results"]), answer["numErrors"]) == (5, 5)


def test_fault_strikes_only_what_it_matches(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("unavailable", only="write", path="/batch/")
    assert create(http, name).status_code == 201
    assert http.get(CONTACTS).status_code == 200
    assert upsert(http, name).status_code == 503


def test_calls_are_logged_counted_and_forgotten(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    upsert(http, f"{name}-1", f"{name}-2")
    http.post(f"{CONTACTS}/search", json={})
    assert [(call["kind"], call["inputs"], call["status"]) for call in crm.calls()] == [
        ("write", 2, 200),
        ("read", 1, 200),
    ]
    assert crm.count_calls() == {"read": 1, "write": 1, "records_read": 1, "records_written": 2}
    crm.forget_calls()
    assert crm.calls() == []


def test_unknown_settings_and_faults_are_refused(crm: PretendCrm) -> None:
    for path, body in (("/settings", {"latancy": 1}), ("/faults", {"kind": "gremlins"})):
        method = "PATCH" if path == "/settings" else "POST"
        answer = httpx.request(method, f"{crm.url}/sandbox{path}", json=body, trust_env=False)
        assert answer.status_code in {400, 422}


def test_chance_strikes_a_share_of_the_calls(http: httpx.Client, crm: PretendCrm) -> None:
    crm.order("unavailable", only="read", share=0.5)
    statuses = [http.get(CONTACTS).status_code for _ in range(60)]
    assert 10 < statuses.count(503) < 50


def test_chance_strikes_a_share_of_the_records(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("locked", share=0.5)
    answer = upsert(http, *[f"{name}-{number}" for number in range(100)]).json()
    assert 20 < answer["numErrors"] < 80


def test_lock_clears_by_itself_after_a_while(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("locked", records=[name], lasts=0.3)
    assert upsert(http, name).status_code == 207
    while crm.faults():
        pass
    assert upsert(http, name).status_code == 200


def test_dripping_body_arrives_whole(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("drip", times=1, seconds=0.3)
    with http.stream("POST", CONTACTS, json={"properties": {"email": f"{name}@example.com"}}) as answer:
        pieces = list(answer.iter_raw())
    assert (json.loads(b"".join(pieces))["properties"]["email"], len(pieces) > 10) == (f"{name}@example.com", True)


def test_error_of_the_system_strikes_reads_too(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.order("status", status=500)
    assert (http.get(CONTACTS).status_code, create(http, name).status_code) == (500, 500)


def test_unreadable_record_fails_every_read_that_finds_it(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    ids = crm.create([{"email": f"{name}-{number}@example.com"} for number in (1, 2)])
    crm.order("unreadable", records=[ids[1]])
    both = http.post(f"{CONTACTS}/batch/read", json={"inputs": [{"id": id} for id in ids]})
    statuses = [http.get(f"{CONTACTS}/{id}").status_code for id in ids]
    assert (both.status_code, statuses) == (500, [200, 500])


def listens(crm: PretendCrm) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", crm.port)) == 0


def test_closed_port_refuses_and_opens_again(tmp_path: Path) -> None:
    with PretendCrm(tmp_path) as crm:
        crm.order("refuse", seconds=1.0)
        while listens(crm):
            time.sleep(0.01)
        while not listens(crm):
            time.sleep(0.01)
        assert crm.faults() == []
