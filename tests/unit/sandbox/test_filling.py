"""Two systems filled at once: their own endpoints give every row back, and neither log nor outbox knows of it."""

import httpx
import pytest

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.population import Population

EACH = 400


@pytest.fixture(scope="module")
def population():
    return Population(each=EACH)


@pytest.fixture(scope="module")
def full_application(population, tmp_path_factory):
    with PretendApplication(tmp_path_factory.mktemp("full")) as application:
        application.fill((row.id, row.values, row.at) for row in population.rows("application"))
        yield application


@pytest.fixture(scope="module")
def full_crm(population, tmp_path_factory):
    with PretendCrm(tmp_path_factory.mktemp("full"), webhook_url="http://127.0.0.1:9") as crm:
        crm.fill((row.id, row.values, row.at) for row in population.rows("crm"))
        yield crm


def ask(system, method, path, **more):
    headers = {"Authorization": f"Bearer {system.token}"}
    reply = httpx.request(method, f"{system.url}{path}", headers=headers, trust_env=False, timeout=30, **more)
    return reply.raise_for_status().json()


def test_filled_systems_have_told_nobody(full_application, full_crm):
    assert full_application.counts() == {"leads": EACH, "deleted": 0, "outbox": 0}
    assert full_crm.counts() == {"contacts": EACH, "archived": 0, "changes_waiting": 0, "deliveries_waiting": 0}
    assert not any((full_application.calls(kind="write"), full_crm.calls(kind="write")))


def test_every_filled_lead_reads_back(population, full_application):
    found, page = [], {"next_cursor": ""}
    while page["next_cursor"] is not None:
        at = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = ask(full_application, "GET", "/leads", params={"limit": 200, **at})
        found += page["leads"]
    by_id = {lead["id"]: lead for lead in found}
    assert len(found) == len(by_id) == EACH
    for row in population.rows("application"):
        lead = by_id[str(row.id)]
        assert {name: lead[name] for name in row.values} == row.values
        assert lead["key"] is None
        assert lead["updated_at"] < "2026"


def test_every_filled_contact_reads_back(population, full_crm):
    rows = list(population.rows("crm"))
    found, after = {}, "0"
    while after:
        asked = {"limit": 100, "after": after, "properties": ",".join(rows[0].values)}
        page = ask(full_crm, "GET", "/crm/v3/objects/contacts", params=asked)
        found |= {contact["id"]: contact for contact in page["results"]}
        after = page.get("paging", {}).get("next", {}).get("after")
    assert len(found) == EACH
    defined = set(rows[0].values) - {"exhibition", "email_opt_out"}  # the account's own, which nobody defined here
    for row in rows:
        given = found[str(row.id)]["properties"]
        assert {name: given[name] for name in defined} == {name: row.values[name] for name in defined}


def test_filled_leads_are_found_by_any_spelling_of_their_address(population, full_application):
    typed = [
        row for row in population.rows("application") if row.values["email"] != (row.values["email"] or "").lower()
    ]
    row = next(row for row in typed if row.values["email"])
    asked = {"match": {"email": [row.values["email"].strip().lower()]}}
    assert str(row.id) in [lead["id"] for lead in ask(full_application, "POST", "/leads/lookup", json=asked)["leads"]]


def test_people_go_on_in_filled_systems(tmp_path):
    rows = [(1, {"email": "Asha@Example.com", "stage": "L"}, 1_000_000)]
    with PretendApplication(tmp_path / "application") as application, PretendCrm(tmp_path / "crm") as crm:
        application.fill(rows)
        crm.fill([(501, {"email": "asha@example.com", "hs_lead_status": "ON_HOLD"}, 1_000_000)])
        application.edit({"1": {"city": "Köln"}})
        crm.edit({"501": {"hs_lead_status": "NEW"}})
        assert application.create([{"email": "new@example.com"}]) == ["2"]
        assert crm.create([{"email": "new@example.com"}]) == ["502"]
        assert (application.leads()[0]["city"], application.leads()[0]["stage"]) == ("Köln", "L")
        assert crm.contacts()[0]["properties"]["hs_lead_status"] == "NEW"


def test_system_with_rows_is_not_filled(population, full_application, full_crm):
    for side, system in (("application", full_application), ("crm", full_crm)):
        with pytest.raises(ServerFailed, match="already"):
            system.fill((row.id, row.values, row.at) for row in population.rows(side))
