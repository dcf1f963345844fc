"""The pretend CRM writes contacts by the vendor's rules."""

import sqlite3
from typing import Any

import httpx
import pytest

from sync_system.sandbox.crm import PretendCrm

FAMILIES = ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts"]
CONTACTS = FAMILIES[1]


def upsert(http: httpx.Client, *inputs: dict[str, Any], traced: bool = True) -> httpx.Response:
    traces = [{"objectWriteTraceId": str(place)} if traced else {} for place in range(len(inputs))]
    body = {"inputs": [one | trace for one, trace in zip(inputs, traces, strict=True)]}
    return http.post(f"{CONTACTS}/batch/upsert", json=body)


def by_key(key: str, **properties: str) -> dict[str, Any]:
    return {"id": key, "idProperty": "sync_external_id", "properties": properties}


@pytest.mark.parametrize("contacts", FAMILIES)
def test_both_path_families_serve_one_contact(http: httpx.Client, name: str, contacts: str) -> None:
    made = http.post(contacts, json={"properties": {"email": f" {name.upper()}@Example.com", "firstname": "Ada"}})
    assert made.status_code == 201
    for path, params in ((made.json()["id"], {}), (f"{name}@example.com", {"idProperty": "email"})):
        read = http.get(f"{contacts}/{path}", params={"properties": "email,company", **params}).json()
        assert read["id"] == made.json()["id"]
        assert read["properties"]["email"] == f"{name}@example.com"
        assert read["properties"]["company"] is None


def test_upsert_reports_new_and_known_contacts(http: httpx.Client, name: str) -> None:
    upsert(http, by_key(f"{name}-1", firstname="Ada"))
    answer = upsert(http, by_key(f"{name}-1", firstname="Eva"), by_key(f"{name}-2", firstname="Bo"))
    assert answer.status_code == 200
    assert {result["objectWriteTraceId"]: result["new"] for result in answer.json()["results"]} == {
        "0": False,
        "1": True,
    }
    assert answer.json()["results"][0]["properties"]["firstname"] == "Eva"


def test_email_of_another_contact_is_a_conflict(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    [owner] = crm.create([{"email": f"{name}@example.com"}])
    answer = upsert(http, by_key(f"{name}-1", email=f"{name}@example.com"), by_key(f"{name}-2", firstname="Bo"))
    assert answer.status_code == 207
    [error] = answer.json()["errors"]
    assert error["category"] == "CONFLICT"
    assert error["message"] == f"Contact already exists. Existing ID: {owner}"
    assert error["context"]["objectWriteTraceId"] == ["0"]
    assert len(answer.json()["results"]) == 1


def test_two_inputs_cannot_take_one_email(http: httpx.Client, name: str) -> None:
    inputs = [by_key(f"{name}-{place}", email=f"{name}@example.com") for place in range(2)]
    answer = upsert(http, *inputs)
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"]["objectWriteTraceId"] == ["1"]


def test_batch_without_traces_fails_as_a_whole(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    answer = upsert(http, by_key(f"{name}-1", firstname="Ada"), by_key(f"{name}-2", email="nobody"), traced=False)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    assert not [each for each in crm.contacts() if each["properties"].get("sync_external_id") == f"{name}-1"]


REFUSED = {
    "same id twice": ([by_key("a"), by_key("a")], "Duplicate IDs"),
    "no id property": ([{"id": "1", "properties": {}}], "idProperty is required"),
    "id property not unique": ([{"id": "x", "idProperty": "company", "properties": {}}], "non-unique 0-1 property"),
    "too many": ([by_key(str(number)) for number in range(101)], "maximum number of inputs"),
}


@pytest.mark.parametrize(("inputs", "message"), REFUSED.values(), ids=REFUSED)
def test_faulty_batch_is_refused(http: httpx.Client, inputs: list[dict[str, Any]], message: str) -> None:
    answer = upsert(http, *inputs)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


INVALID = {
    "unknown": ({"shoe_size": "43"}, "PROPERTY_DOESNT_EXIST"),
    "email": ({"email": "nobody"}, "INVALID_EMAIL"),
    "option": ({"hs_lead_status": "SOMETIME"}, "INVALID_OPTION"),
    "read only": ({"hubspotscore": "4"}, "READ_ONLY_VALUE"),
}


@pytest.mark.parametrize(("properties", "error"), INVALID.values(), ids=INVALID)
def test_invalid_value_names_its_reason(http: httpx.Client, properties: dict[str, str], error: str) -> None:
    answer = http.post(CONTACTS, json={"properties": {"firstname": "Ada", **properties}})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Property values were not valid: [{")
    assert f'"error":"{error}"' in answer.json()["message"]


def test_empty_text_clears_and_numbers_become_texts(http: httpx.Client, name: str) -> None:
    made = http.post(CONTACTS, json={"properties": {"firstname": name, "company": "Acme", "annualrevenue": 1200}})
    path = f"{CONTACTS}/{made.json()['id']}"
    changed = http.patch(path, json={"properties": {"company": ""}})
    assert changed.status_code == 200
    properties = http.get(path, params={"properties": "company,annualrevenue"}).json()["properties"]
    assert (properties["company"], properties["annualrevenue"]) == (None, "1200")


def test_write_without_difference_leaves_the_time_alone(http: httpx.Client, name: str) -> None:
    first = upsert(http, by_key(name, firstname="Ada")).json()["results"][0]
    again = upsert(http, by_key(name, firstname="Ada")).json()["results"][0]
    assert again["updatedAt"] == first["updatedAt"]


def test_archived_contact_frees_its_email(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    person = {"properties": {"email": f"{name}@example.com"}}
    first = http.post(CONTACTS, json=person).json()["id"]
    assert http.delete(f"{CONTACTS}/{first}").status_code == 204
    assert http.get(f"{CONTACTS}/{first}").status_code == 404
    assert http.get(f"{CONTACTS}/{first}", params={"archived": "true"}).json()["archived"] is True
    assert http.post(CONTACTS, json=person).json()["id"] != first


def test_merge_keeps_the_primary_and_fills_its_gaps(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    ids = crm.create([{"email": f"{name}@example.com"}, {"firstname": "Ada", "company": name}])
    merged = http.post(f"{CONTACTS}/merge", json={"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    assert merged.json()["properties"]["firstname"] == "Ada"
    assert http.get(f"{CONTACTS}/{ids[1]}").status_code == 404


def test_batch_calls_read_update_and_archive(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    ids = crm.create([{"firstname": f"{name}{place}"} for place in range(2)])
    inputs = [{"id": id, "properties": {"company": name}} for id in ids]
    assert http.post(f"{CONTACTS}/batch/update", json={"inputs": inputs}).status_code == 200
    asked = {"inputs": [{"id": id} for id in (*ids, "1")], "properties": ["company"]}
    read = http.post(f"{CONTACTS}/batch/read", json=asked)
    assert read.status_code == 207
    assert [each["properties"]["company"] for each in read.json()["results"]] == [name, name]
    assert read.json()["errors"][0]["context"] == {"ids": ["1"]}
    assert http.post(f"{CONTACTS}/batch/archive", json={"inputs": [{"id": ids[0]}]}).status_code == 204
    assert http.get(f"{CONTACTS}/{ids[0]}").status_code == 404


def test_properties_are_told_and_added(http: httpx.Client, name: str) -> None:
    path = "/crm/properties/2026-03/contacts"
    body = {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation"}
    assert http.post(path, json=body | {"hasUniqueValue": True}).status_code == 201
    assert http.post(path, json=body).status_code == 409
    known = {each["name"]: each for each in http.get("/crm/v3/properties/contacts").json()["results"]}
    assert known[name]["hasUniqueValue"] is True
    assert known["email"]["hasUniqueValue"] is True
    assert known["hubspotscore"]["modificationMetadata"]["readOnlyValue"] is True
    answer = http.post(
        f"{CONTACTS}/batch/upsert", json={"inputs": [{"id": "x", "idProperty": name, "properties": {"firstname": "A"}}]}
    )
    assert answer.json()["results"][0]["new"] is True
    assert http.delete(f"{path}/{name}").status_code == 204


def test_list_pages_by_id(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    ids = crm.create([{"firstname": name} for _ in range(3)])
    page = http.get(CONTACTS, params={"limit": 2, "after": int(ids[0]) - 1}).json()
    assert [each["id"] for each in page["results"]] == ids[:2]
    rest = http.get(CONTACTS, params={"limit": 2, "after": page["paging"]["next"]["after"]}).json()
    assert ids[2] in [each["id"] for each in rest["results"]]


def test_database_itself_refuses_a_second_contact(crm: PretendCrm, name: str) -> None:
    crm.create([{"email": f"{name}@example.com"}])
    database = sqlite3.connect(crm.database)
    try:
        [(count,)] = database.execute("select count(*) from contacts where lower(email) = ?", (f"{name}@example.com",))
        assert count == 1
        indexes = " ".join(
            row[0] for row in database.execute("select sql from sqlite_master where type = 'index'") if row[0]
        )
        assert "unique index contacts_email on contacts (lower(email))" in indexes.lower()
    finally:
        database.close()
