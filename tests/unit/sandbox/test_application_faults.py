"""The application's faults speak its own words, before and after the commit, of a call or of single leads."""

import json
from typing import Any

import httpx
import pytest

from sync_system.sandbox.application import PretendApplication


def bulk(http: httpx.Client, *keys: str, **more: Any) -> httpx.Response:
    items = [{"key": key, "lead": {"email": f"{key}@example.com", "firstName": "Asha"}} for key in keys]
    return http.post("/leads/bulk", json={"items": items}, **more)


def standing(application: PretendApplication, name: str) -> bool:
    return any(lead["email"] == f"{name}@example.com" for lead in application.leads())


CUT = (httpx.RemoteProtocolError, httpx.ReadError)
STATUSES = {
    "unavailable": ({}, 503, "unavailable", None),
    "status": ({"status": 500}, 500, "internal_error", None),
    "limited": ({}, 429, "rate_limited", None),
    "limited with a wait": ({"retry_after": 7}, 429, "rate_limited", "7"),
    "expired_token": ({}, 401, "unauthorized", None),
}


@pytest.mark.parametrize("kind", STATUSES)
def test_ordered_status_is_answered_before_the_commit(
    backend: httpx.Client, application: PretendApplication, name: str, kind: str
) -> None:
    more, status, code, wait = STATUSES[kind]
    application.order(kind.split(maxsplit=1)[0], times=1, **more)  # type: ignore[arg-type]
    refused = bulk(backend, name)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert (refused.headers.get("Retry-After"), standing(application, name)) == (wait, False)


@pytest.mark.parametrize(
    ("kind", "error", "committed"),
    [
        ("drop", CUT, False),
        ("hang_before", httpx.ReadTimeout, False),
        ("lost_reply", CUT, True),
        ("hang_after", httpx.ReadTimeout, True),
    ],
)
def test_silence_before_and_after_the_commit(
    backend: httpx.Client, application: PretendApplication, name: str, kind: Any, error: Any, committed: bool
) -> None:
    application.order(kind, times=1)
    with pytest.raises(error):
        bulk(backend, name, timeout=1)
    assert standing(application, name) is committed


def test_half_a_body_cannot_be_read(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.order("malformed", times=1)
    with pytest.raises(json.JSONDecodeError):
        bulk(backend, name).json()
    assert standing(application, name)


def test_dripping_body_is_whole(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.order("drip", times=1, seconds=0.3)
    assert bulk(backend, name).json()["results"][0]["ok"]


def test_lock_and_error_fail_single_leads(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.order("locked", records=[f"{name}-1"])
    application.order("record_error", records=[f"{name}-2"])
    results = bulk(backend, *[f"{name}-{number}" for number in range(3)]).json()["results"]
    assert [result.get("status") for result in results] == [None, 423, 500]


def test_every_second_lead_of_a_batch_fails(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.order("half")
    results = bulk(backend, *[f"{name}-{number}" for number in range(10)]).json()["results"]
    assert [result["ok"] for result in results] == [True, False] * 5


def test_one_lead_fails_its_whole_batch(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.order("poison", records=[f"{name}-1"], status=400)
    assert bulk(backend, f"{name}-0", f"{name}-1").status_code == 400
    assert bulk(backend, f"{name}-0").status_code == 200


def test_unreadable_lead_fails_the_read(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    bulk(backend, name)
    application.order("unreadable", records=[name])
    assert backend.post("/leads/lookup", json={"keys": [name]}).status_code == 500
