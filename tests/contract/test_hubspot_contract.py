"""The HubSpot connector against the sandbox's CRM, over real HTTP."""

from collections.abc import Iterator

import orjson
import pytest
from connector_contract import ConnectorContract
from connector_harness import OBJECT, Names, classes, created, email_of, fresh, lead, new, written
from contract_of_changes import ChangesContract, caught_up, read_to_the_end
from contract_of_faults import FaultsContract

from sync_system.connectors.hubspot import HUBSPOT
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotSettings
from sync_system.connectors.protocol import WebhookRequest, Write
from sync_system.connectors.registry import SystemContext, SystemObject
from sync_system.connectors.times import now
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.crm.webhooks import signature

TOKEN = "pat-for-the-contract"
SECRET = "secret-of-the-contract"
WEBHOOK_URL = "https://sync.example.com/webhooks/hubspot"
FIELDS = {"email": FieldType.EMAIL, "firstname": FieldType.TEXT, "message": FieldType.TEXT, "phone": FieldType.PHONE}
REFRESH = {"client_id": "sandbox", "client_secret": SECRET, "refresh_token": "refresh-sandbox"}


class HubSpotHarness:
    names = Names(email="email", first="firstname", note="message", phone="phone")
    token = TOKEN

    def __init__(self, system: PretendCrm) -> None:
        self.system = system

    def connect(self, *, url=None, token=None, timeout=10, **more):
        credentials = {"oauth": more.pop("oauth")} if "oauth" in more else {"token": token or TOKEN}
        given = {"base_url": url or self.system.url, "webhook": {"secret": [SECRET, "an-older-one"]}, **credentials}
        objects = {OBJECT: SystemObject(HubSpotObject(), FIELDS)}
        settings = HubSpotSettings.model_validate(given | more)
        return HUBSPOT.build(SystemContext("hubspot", settings, objects, timeout, allow_private=True))

    def agent_creates(self, leads):
        return self.system.create(leads)

    def agent_edits(self, external_id, values):
        self.system.edit({external_id: values})

    def agent_deletes(self, external_id):
        self.system.delete([external_id])

    def count(self, field, value):
        return sum(contact["properties"].get(field) == value for contact in self.system.contacts())

    def webhook(self, external_id):
        events = [
            {"subscriptionType": "contact.propertyChange", "objectId": int(external_id), "occurredAt": 1, "eventId": 1}
        ]
        body, at = orjson.dumps(events), now()
        headers = {
            "x-hubspot-request-timestamp": str(at // 1_000),
            "x-hubspot-signature-v3": signature(SECRET, "POST", WEBHOOK_URL, body, at // 1_000),
        }
        return WebhookRequest("POST", WEBHOOK_URL, headers, body, at)


@pytest.fixture(scope="module")
def system(tmp_path_factory) -> Iterator[HubSpotHarness]:
    with PretendCrm(tmp_path_factory.mktemp("crm"), token=TOKEN, webhook_secret=SECRET) as crm:
        yield HubSpotHarness(crm)


@pytest.fixture
def harness(system):
    yield system
    system.system.lift()


@pytest.fixture
async def connector(harness):
    opened = harness.connect()
    yield opened
    await opened.aclose()


class TestHubSpot(ConnectorContract, ChangesContract, FaultsContract):
    """All of the suite."""

    async def test_a_create_that_meets_an_existing_row_is_a_conflict(self, connector, harness):
        assert harness.names.email in connector.facts(OBJECT).unique
        name = fresh()
        (external_id,) = harness.agent_creates([lead(harness, name)])
        neighbour = new(harness)
        conflict, well = await written(connector, Write(fresh(), None, lead(harness, name)), neighbour)
        assert (conflict.outcome, conflict.existing_id, well.outcome) == (
            OutcomeClass.CONFLICT,
            external_id,
            OutcomeClass.OK,
        )
        assert harness.count(harness.names.email, email_of(name)) == 1

    async def test_new_and_linked_rows_take_one_call_each(self, connector, harness):
        pairs = [await created(connector, harness) for _ in range(3)]
        harness.system.forget_calls()
        linked = [Write(key, external_id, {"firstname": "Bea"}) for key, external_id in pairs]
        outcomes = await written(connector, *linked, *[new(harness) for _ in range(5)])
        assert set(classes(outcomes)) == {OutcomeClass.OK}
        assert harness.system.count_calls()["write"] == 2

    async def test_the_search_cap_is_never_met(self, connector, harness):
        harness.system.tune(search_cap=200)
        try:
            cursor = await caught_up(connector)
            ids = [
                id for batch in range(3) for id in harness.agent_creates([lead(harness, fresh()) for _ in range(150)])
            ]
            changes, _ = await read_to_the_end(connector, cursor)
        finally:
            harness.system.tune(search_cap=10_000)
        assert sorted(change.external_id for change in changes) == sorted(ids)

    async def test_a_token_of_oauth_is_renewed_after_it_expired(self, tmp_path):
        with PretendCrm(tmp_path, webhook_secret=SECRET) as crm:
            harness = HubSpotHarness(crm)
            connector = harness.connect(oauth=REFRESH)
            await created(connector, harness)
            crm.expire_tokens()
            delivered = await connector.upsert(OBJECT, [new(harness)])
            assert classes(delivered.outcomes) == [OutcomeClass.OK]
            assert [call.status for call in delivered.calls] == [401, 200]
            await connector.aclose()

    async def test_a_missing_key_property_is_no_records_fault(self, tmp_path):
        with PretendCrm(tmp_path, token=TOKEN, key_property=False) as crm:
            harness = HubSpotHarness(crm)
            connector = harness.connect()
            (external_id,) = harness.agent_creates([lead(harness, fresh())])
            linked = Write(fresh(), external_id, {"firstname": "Bea"})
            outcomes = await written(connector, new(harness), linked)
            assert classes(outcomes) == [OutcomeClass.UNAVAILABLE] * 2
            await connector.aclose()
