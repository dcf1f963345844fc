"""The pretend CRM lets in whom it should, as fast as its account allows, and its search lags behind."""

from typing import Any

import httpx
import pytest

from sync_system.sandbox.crm import PretendCrm

CONTACTS = "/crm/v3/objects/contacts"
REFRESH = {"grant_type": "refresh_token", "client_id": "sandbox", "client_secret": "sandbox-secret"}


def search(http: httpx.Client, *filters: dict[str, Any], **more: Any) -> httpx.Response:
    return http.post(f"{CONTACTS}/search", json={"filterGroups": [{"filters": list(filters)}], **more})


def about(name: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **values}


def test_rolling_limit_refuses_with_its_policy(http: httpx.Client, crm: PretendCrm) -> None:
    crm.tune(burst=10_000)
    assert http.get(CONTACTS).headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    crm.tune(burst=1)
    refused = http.get(CONTACTS)
    assert refused.status_code == 429
    assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_searches_have_a_limit_without_headers(http: httpx.Client, crm: PretendCrm) -> None:
    assert not [header for header in search(http).headers if header.lower().startswith("x-hubspot")]
    crm.tune(searches=1)
    answers = [search(http) for _ in range(2)]
    assert answers[1].json()["policyName"] == "SECONDLY"
    assert "X-HubSpot-RateLimit-Daily" in http.get(CONTACTS).headers


def test_missing_and_unknown_tokens_are_refused(crm: PretendCrm) -> None:
    for headers in ({}, {"Authorization": "Bearer stolen"}):
        answer = httpx.get(crm.url + CONTACTS, headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert answer.json()["category"] == "INVALID_AUTHENTICATION"


def test_missing_scope_is_named(http: httpx.Client, crm: PretendCrm) -> None:
    crm.tune(missing_scopes=["crm.objects.contacts.write"])
    answer = http.post(CONTACTS, json={"properties": {"firstname": "Ada"}})
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert http.get(CONTACTS).status_code == 200


def test_refresh_token_changes_with_every_use(crm: PretendCrm) -> None:
    with httpx.Client(base_url=crm.url, trust_env=False) as http:
        token = "refresh-sandbox"
        for path in ("/oauth/v1/token", "/oauth/2026-03/token"):
            given = http.post(path, data=REFRESH | {"refresh_token": token}).json()
            bearer = {"Authorization": f"Bearer {given['access_token']}"}
            assert http.get(CONTACTS, headers=bearer).status_code == 200
            spent, token = token, given["refresh_token"]
        again = http.post("/oauth/v1/token", data=REFRESH | {"refresh_token": spent})
        assert (again.status_code, again.json()["status"]) == (400, "BAD_REFRESH_TOKEN")
        crm.expire_tokens()
        assert http.get(CONTACTS, headers=bearer).json()["category"] == "EXPIRED_AUTHENTICATION"


OPERATORS = {
    "EQ": ({"value": "B"}, {"B"}),
    "NEQ": ({"value": "B"}, {"A", "C", None}),
    "GT": ({"value": "A"}, {"B", "C"}),
    "LTE": ({"value": "B"}, {"A", "B"}),
    "BETWEEN": ({"value": "A", "highValue": "B"}, {"A", "B"}),
    "IN": ({"values": ["A", "C"]}, {"A", "C"}),
    "NOT_IN": ({"values": ["A"]}, {"B", "C"}),
    "HAS_PROPERTY": ({}, {"A", "B", "C"}),
    "NOT_HAS_PROPERTY": ({}, {None}),
    "CONTAINS_TOKEN": ({"value": "B*"}, {"B"}),
}


@pytest.mark.parametrize(("operator", "values", "found"), [(key, *OPERATORS[key]) for key in OPERATORS], ids=OPERATORS)
def test_search_knows_operator(
    http: httpx.Client, crm: PretendCrm, name: str, operator: str, values: dict[str, Any], found: set[str | None]
) -> None:
    crm.create([{"firstname": name, "jobtitle": title} for title in ("A", "B", "C", "")])
    answer = search(
        http, about("firstname", "EQ", value=name), about("jobtitle", operator, **values), properties=["jobtitle"]
    )
    assert {each["properties"]["jobtitle"] for each in answer.json()["results"]} == found


def test_search_finds_by_time_in_order(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    first, second = crm.create([{"firstname": name}]), crm.create([{"firstname": name}])
    at = http.get(f"{CONTACTS}/{first[0]}").json()["updatedAt"]
    answer = search(
        http,
        about("lastmodifieddate", "GTE", value=at),
        about("firstname", "EQ", value=name),
        sorts=[{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}],
    )
    assert [each["id"] for each in answer.json()["results"]] == second + first


def test_search_ends_at_its_cap(http: httpx.Client, crm: PretendCrm) -> None:
    crm.tune(search_cap=300)
    assert search(http, limit=200, after="100").status_code == 200
    assert search(http, limit=200, after="101").status_code == 400
    assert search(http, limit=201).status_code == 400


def test_search_shows_a_change_only_after_the_lag(http: httpx.Client, crm: PretendCrm, name: str) -> None:
    crm.tune(index_lag=3600)
    [id] = crm.create([{"firstname": name}])
    assert search(http, about("firstname", "EQ", value=name)).json()["total"] == 0
    crm.tune(index_lag=0)
    assert search(http, about("firstname", "EQ", value=name)).json()["results"][0]["id"] == id
