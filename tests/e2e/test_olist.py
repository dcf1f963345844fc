"""A marketplace's funnel: leads from a CSV file into the CRM, won deals from the CRM back into the application.

Columns and sizes are those of the public Olist marketing funnel; every row here is made up.
"""

import csv
import random
import uuid

import httpx
import pytest

from tests.e2e.waiting import compared, settle, until

LEADS, DEALS = 300, 40
ORIGINS = ("social", "paid search", "organic search", "email", "direct traffic", "")
SEGMENTS = ("pet", "car accessories", "home appliances", "food drink", "health beauty")
BUILT_IN = {"description": "mql_id", "utm_campaign": "landing_page_id", "lead_source": "origin"}
CHANGES = {
    "objects": {"lead": {"fields": {"business_segment": {"type": "text"}, "won_date": {"type": "date"}}}},
    "systems": {
        "application": {
            "lead": {
                "fields": {
                    "utm_campaign": "utmCampaign",
                    "lead_source": "source",
                    "business_segment": "businessSegment",
                    "won_date": "wonDate",
                }
            }
        },
        "crm": {
            "poll": {"every": "1s"},
            "lead": {
                "fields": {
                    "status": {"name": "funnel_status"},
                    "utm_campaign": "landing_page",
                    "lead_source": "origin",
                    "business_segment": "business_segment",
                    "won_date": "won_date",
                }
            },
        },
        "marketing": {"connector": "file", "lead": {"fields": BUILT_IN}},
    },
}
PROPERTIES = {
    "landing_page": ("string", "text"),
    "origin": ("string", "text"),
    "business_segment": ("string", "text"),
    "won_date": ("date", "date"),
    "funnel_status": ("enumeration", "select"),
}
STATUSES = ("NEW", "CONNECTED", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "CONVERTED")


@pytest.fixture
def files(tmp_path):
    """Write the two files of a funnel; return their paths."""
    chance, ids = random.Random(5), [uuid.uuid4().hex for _ in range(LEADS)]
    leads, deals = tmp_path / "leads.csv", tmp_path / "deals.csv"
    with leads.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["mql_id", "first_contact_date", "landing_page_id", "origin"])
        for id in ids:
            day = f"2018-{chance.randint(1, 5):02d}-{chance.randint(1, 28):02d}"
            table.writerow([id, day, f"{chance.getrandbits(128):032x}", chance.choice(ORIGINS)])
    with deals.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["mql_id", "won_date", "business_segment"])
        for id in chance.sample(ids, DEALS):
            table.writerow([id, f"2018-06-{chance.randint(1, 28):02d} 10:11:12", chance.choice(SEGMENTS)])
    return leads, deals


def define(stack):
    """Define the properties of a deal in the CRM, as its administrator would."""
    options = [{"label": status, "value": status} for status in STATUSES]
    for name, (type, field) in PROPERTIES.items():
        body = {"name": name, "label": name, "groupName": "contactinformation", "type": type, "fieldType": field}
        body |= {"options": options} if type == "enumeration" else {}
        headers = {"Authorization": f"Bearer {stack.crm.token}"}
        url = f"{stack.crm.url}/crm/v3/properties/contacts"
        assert httpx.post(url, json=body, headers=headers, trust_env=False).status_code in {201, 409}


def test_funnel_reaches_the_crm_and_its_deals_come_back(stack, files):
    define(stack)
    done = stack.service.run(
        "import", str(files[0]), "--system", "marketing", "--id", "mql_id", "--time", "first_contact_date",
        "--map", "mql_id=description",
    )  # fmt: skip
    assert (done.returncode, f"published: {LEADS}, refused: 0" in done.stdout) == (0, True), done.stdout + done.stderr
    ids = {row["mql_id"] for row in csv.DictReader(files[0].read_text().splitlines())}
    until(lambda: ids <= {one["notes"] for one in stack.application.leads()}, "all leads reach the application")
    until(lambda: ids <= {one["properties"]["message"] for one in stack.crm.contacts()}, "all leads reach the CRM")
    settle(stack)

    people = {contact["properties"]["message"]: contact["id"] for contact in stack.crm.contacts()}
    deals = list(csv.DictReader(files[1].read_text().splitlines()))
    stack.crm.edit(
        {
            people[deal["mql_id"]]: {
                "funnel_status": "CONVERTED",
                "won_date": deal["won_date"][:10],
                "business_segment": deal["business_segment"],
            }
            for deal in deals
        }
    )
    until(lambda: sum(one["stage"] == "V" for one in stack.application.leads()) == DEALS, "all deals come back")
    rows = {one["notes"]: one for one in stack.application.leads()}
    for deal in deals:
        row = rows[deal["mql_id"]]
        assert (row["wonDate"], row["businessSegment"]) == (deal["won_date"][:10], deal["business_segment"])

    settle(stack)
    found = compared(stack)
    assert found["equal"], found
    rows = {one["system"]: one["rows"] for one in found["systems"]}
    assert rows["application"] == rows["crm"] == found["records"]["lead"] >= LEADS


def test_same_file_again_changes_nothing(stack, files):
    define(stack)
    settle(stack)
    words = ["import", str(files[0]), "--system", "marketing", "--id", "mql_id", "--map", "mql_id=description"]
    before = stack.crm.counts()["contacts"]
    stack.service.run(*words)
    until(lambda: stack.crm.counts()["contacts"] == before + LEADS, "all leads arrive")
    settle(stack)
    stack.crm.forget_calls()
    stack.service.run(*words)
    settle(stack)
    assert (stack.crm.count_calls()["write"], stack.crm.counts()["contacts"]) == (0, before + LEADS)
