"""The pretend application: duplicates are allowed, requests can be repeated, and what changed is told in order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.application.store import Store
from sync_system.sandbox.errors import ServerFailed


def test_staff_may_enter_the_same_email_twice(application: PretendApplication, name: str) -> None:
    ids = application.create([{"email": f"{name}@example.com"}, {"email": f" {name.upper()}@example.com"}])
    found = [lead["email"] for lead in application.leads() if lead["id"] in ids]
    assert found == [f"{name}@example.com"] * 2


def test_staff_edit_clear_and_delete(application: PretendApplication, name: str) -> None:
    [id, other] = application.create([{"firstName": name, "company": "Acme"}, {"firstName": name}])
    application.edit({id: {"company": None, "stage": "Q"}})
    application.delete([other])
    [lead] = [lead for lead in application.leads() if lead["firstName"] == name]
    assert (lead["company"], lead["stage"]) == (None, "Q")


def test_required_fields_can_be_demanded(backend: httpx.Client, application: PretendApplication, name: str) -> None:
    application.tune(required=["lastName"])
    refused = backend.put(f"/leads/{name}", json={"firstName": "Ada"})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "lastName"
    with pytest.raises(ServerFailed, match="lastName is required"):
        application.create([{"firstName": name}])


def test_repeated_request_is_answered_from_memory(
    backend: httpx.Client, application: PretendApplication, name: str
) -> None:
    body = {"items": [{"key": name, "lead": {"firstName": "Ada"}}]}
    headers = {"Idempotency-Key": name}
    first = backend.post("/leads/bulk", json=body, headers=headers)
    again = backend.post("/leads/bulk", json=body, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = backend.post("/leads/bulk", json={"items": [{"key": name, "lead": {}}]}, headers=headers)
    assert other.json()["error"]["code"] == "idempotency_mismatch"


def test_deleted_lead_frees_its_key(backend: httpx.Client, name: str) -> None:
    first = backend.put(f"/leads/{name}", json={}).json()["id"]
    assert backend.delete(f"/leads/{first}").status_code == 204
    again = backend.put(f"/leads/{name}", json={})
    assert (again.status_code, again.json()["id"] != first) == (201, True)


def test_write_without_difference_keeps_the_version(backend: httpx.Client, name: str) -> None:
    first = backend.put(f"/leads/{name}", json={"firstName": "Ada", "emailOptOut": False, "wonDate": "2026-01-02"})
    again = backend.put(f"/leads/{name}", json={"firstName": "Ada ", "emailOptOut": False, "wonDate": "2026-01-02"})
    assert again.json() == first.json()


INVALID = {
    "unknown field": ({"shoeSize": 43}, "unknown_field"),
    "text for a number": ({"score": "many"}, "wrong_type"),
    "number for a flag": ({"emailOptOut": 1}, "wrong_type"),
    "fraction for a whole number": ({"employeeCount": 1.5}, "wrong_type"),
    "no date": ({"wonDate": "soon"}, "wrong_type"),
    "not a decimal": ({"estimatedValue": "NaN"}, "wrong_type"),
    "unknown option": ({"rating": "lukewarm"}, "invalid_option"),
    "no email": ({"email": "nobody"}, "invalid_email"),
}


@pytest.mark.parametrize(("values", "code"), INVALID.values(), ids=INVALID)
def test_invalid_value_is_refused_with_its_code(
    backend: httpx.Client, name: str, values: dict[str, Any], code: str
) -> None:
    refused = backend.put(f"/leads/{name}", json=values)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)
    assert refused.json()["error"]["field"] == next(iter(values))


@pytest.fixture
def unheard(tmp_path: Path) -> Iterator[PretendApplication]:
    with PretendApplication(tmp_path, broker="amqp://guest:guest@127.0.0.1:1/") as application:
        yield application


def test_outbox_waits_while_the_broker_is_away(unheard: PretendApplication) -> None:
    [id] = unheard.create([{"firstName": "Ada", "company": "Acme"}])
    unheard.edit({id: {"company": None, "stage": "Q"}})
    headers = {"Authorization": f"Bearer {unheard.token}"}
    httpx.patch(f"{unheard.url}/leads/by-id/{id}", json={"key": "L-1"}, headers=headers, trust_env=False)
    unheard.delete([id])
    assert unheard.counts() == {"leads": 0, "deleted": 1, "outbox": 4}
    unheard.down(abruptly=True)
    store = Store(unheard.database)
    told = [(note.verb, note.data) for note in store.noted(10)]
    store.close()
    assert told == [
        ("created", {"firstName": "Ada", "company": "Acme", "key": None}),
        ("updated", {"company": None, "stage": "Q", "key": None}),
        ("updated", {"key": "L-1"}),
        ("deleted", None),
    ]
