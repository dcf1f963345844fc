"""The pretend application keeps the application contract: every path, every reply that can be provoked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

from sync_system.sandbox.application import PretendApplication

CONTRACT = Path(__file__).parents[3] / "docs" / "application-contract.openapi.yaml"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    loaded = yaml.load(CONTRACT.read_text(encoding="utf-8"), Timeless)
    assert isinstance(loaded, dict)
    return loaded


class Timeless(yaml.SafeLoader):
    """Leaves times as the texts that they are in JSON."""


Timeless.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def resolved(contract: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = contract
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def problems(contract: dict[str, Any], schema: dict[str, Any], document: Any) -> list[str]:
    whole = {"components": contract["components"], "allOf": [schema]}
    return [
        error.message for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(document)
    ]


def replies(contract: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            for status, reply in operation["responses"].items():
                yield path, method, status, resolved(contract, reply)


def check(contract: dict[str, Any], path: str, reply: httpx.Response) -> Any:
    operation = contract["paths"][path][reply.request.method.lower()]
    told = resolved(contract, operation["responses"][str(reply.status_code)])
    if reply.status_code == 204:
        assert not reply.content
        return None
    assert problems(contract, told["content"]["application/json"]["schema"], reply.json()) == []
    for header in told.get("headers", {}):
        assert header in reply.headers or header == "ETag"
    return reply.json()


def test_contract_is_valid_openapi(contract: dict[str, Any]) -> None:
    validate(contract)


def test_examples_fit_their_schemas(contract: dict[str, Any]) -> None:
    bodies = [reply for *_, reply in replies(contract)]
    bodies += [
        resolved(contract, operation["requestBody"])
        for methods in contract["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    for body in bodies:
        for media in body.get("content", {}).values():
            examples = [each["value"] for each in media.get("examples", {}).values()]
            for example in examples + ([media["example"]] if "example" in media else []):
                assert problems(contract, media["schema"], example) == []


def test_writing_paths_keep_the_contract(contract: dict[str, Any], backend: httpx.Client, name: str) -> None:
    created = backend.put(f"/leads/{name}", json={"firstName": "Ada", "estimatedValue": "12.50"})
    lead = check(contract, "/leads/{key}", created)
    assert (created.status_code, lead["key"], created.headers["ETag"]) == (201, name, lead["etag"])
    assert backend.put(f"/leads/{name}", json={"firstName": "Eva"}).status_code == 200
    by_id = "/leads/by-id/{id}"
    for path, url, headers, values, status in (
        ("/leads/{key}", f"/leads/{name}", {}, {"firstName": "x" * 101}, 422),
        ("/leads/{key}", f"/leads/{name}", {"If-Match": lead["etag"]}, {"firstName": "Bo"}, 412),
        (by_id, f"/leads/by-id/{lead['id']}", {}, {"firstName": "Cy", "stage": "Q"}, 200),
        (by_id, f"/leads/by-id/{lead['id']}", {}, {"stage": "Z"}, 422),
        (by_id, f"/leads/by-id/{lead['id']}", {"If-Match": lead["etag"]}, {"stage": "W"}, 412),
        (by_id, "/leads/by-id/999999", {}, {"stage": "W"}, 404),
    ):
        reply = backend.request("PUT" if "{key}" in path else "PATCH", url, json=values, headers=headers)
        assert reply.status_code == status
        check(contract, path, reply)
    other = backend.put(f"/leads/{name}-2", json={}).json()["id"]
    taken = backend.patch(f"/leads/by-id/{other}", json={"key": name})
    assert check(contract, by_id, taken)["error"]["existing_id"] == lead["id"]


def test_bulk_path_keeps_the_contract(contract: dict[str, Any], backend: httpx.Client, name: str) -> None:
    lead = backend.put(f"/leads/{name}", json={"firstName": "Ada"}).json()
    items = [
        {"id": lead["id"], "etag": lead["etag"], "lead": {"firstName": "Eva"}},
        {"id": lead["id"], "etag": lead["etag"], "lead": {"firstName": "Bo"}},
        {"key": f"{name}-2", "lead": {"firstName": "Cy"}},
        {"key": f"{name}-3", "lead": {"email": "nobody"}},
        {"id": "999999", "lead": {}},
    ]
    results = check(contract, "/leads/bulk", backend.post("/leads/bulk", json={"items": items}))["results"]
    assert [result.get("created", result.get("status")) for result in results] == [False, 412, True, 422, 404]
    for body, status in (({"items": []}, 400), ({"items": [items[4]] * 201}, 413)):
        refused = backend.post("/leads/bulk", json=body)
        assert refused.status_code == status
        check(contract, "/leads/bulk", refused)


def test_reading_paths_keep_the_contract(contract: dict[str, Any], backend: httpx.Client, name: str) -> None:
    leads = [backend.put(f"/leads/{name}-{place}", json={"email": f"{name}@example.com"}).json() for place in range(3)]
    assert check(contract, "/leads/{id}", backend.get(f"/leads/{leads[0]['id']}"))["key"] == f"{name}-0"
    check(contract, "/leads/{id}", backend.get("/leads/999999"))
    for asked in ({"ids": [leads[0]["id"]]}, {"keys": [f"{name}-0"]}, {"match": {"email": [f"{name}@EXAMPLE.com"]}}):
        rows = check(contract, "/leads/lookup", backend.post("/leads/lookup", json=asked))["leads"]
        assert leads[0]["id"] in [row["id"] for row in rows]
        assert len(rows) == (3 if "match" in asked else 1)
    check(contract, "/leads/lookup", backend.post("/leads/lookup", json={}))
    check(contract, "/leads/schema", backend.get("/leads/schema"))
    check(contract, "/leads/{id}", backend.delete(f"/leads/{leads[0]['id']}"))
    check(contract, "/leads/{id}", backend.delete(f"/leads/{leads[0]['id']}"))
    seen: list[dict[str, Any]] = []
    params = {"limit": "1", "updated_since": leads[0]["updated_at"]}
    while True:
        page = check(contract, "/leads", backend.get("/leads", params=params))
        seen += page["leads"]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert {lead["id"] for lead in leads} <= {lead["id"] for lead in seen}
    assert [lead["id"] for lead in seen if lead["deleted_at"]] == [leads[0]["id"]]
    check(contract, "/leads", backend.get("/leads", params={"updated_since": "yesterday"}))


def test_every_path_refuses_strangers(contract: dict[str, Any], application: PretendApplication) -> None:
    for path, methods in contract["paths"].items():
        for method in methods:
            url = application.url + path.replace("{key}", "a").replace("{id}", "1")
            reply = httpx.request(method.upper(), url, trust_env=False)
            assert reply.status_code == 401
            check(contract, path, reply)


def test_outages_and_locks_keep_the_contract(
    contract: dict[str, Any], backend: httpx.Client, application: PretendApplication, name: str
) -> None:
    path = "/leads/{key}"
    for kind, more in (("unavailable", {}), ("limited", {"retry_after": 3}), ("locked", {"records": [name]})):
        number = application.order(kind, **more)  # type: ignore[arg-type]
        check(contract, path, backend.put(f"/leads/{name}", json={"firstName": "Ada"}))
        application.lift(number)
    assert backend.put(f"/leads/{name}", json={"firstName": "Ada"}).status_code == 201
