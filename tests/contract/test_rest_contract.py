"""The declarative connector, with next to nothing configured, against the sandbox's application over real HTTP."""

import base64
import hmac
from collections.abc import Iterator

import orjson
import pytest
from connector_contract import ConnectorContract
from connector_harness import OBJECT, Names, classes, created, fresh, lead, new, written
from contract_of_changes import ChangesContract, caught_up, read_to_the_end
from contract_of_faults import FaultsContract

from sync_system.connectors.protocol import Lookup, WebhookRequest, Write
from sync_system.connectors.registry import SystemContext, SystemObject
from sync_system.connectors.rest import REST
from sync_system.connectors.rest.settings import RestSettings
from sync_system.connectors.rest.shapes import RestObject
from sync_system.connectors.times import now
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass
from sync_system.sandbox.application import PretendApplication

TOKEN = "token-for-the-contract"
SECRET = base64.b64encode(b"the webhooks' secret").decode()
FIELDS = {
    "email": FieldType.EMAIL,
    "firstName": FieldType.TEXT,
    "notes": FieldType.TEXT,
    "phone": FieldType.PHONE,
    "employeeCount": FieldType.INTEGER,
    "annualRevenue": FieldType.DECIMAL,
    "emailOptOut": FieldType.CONSENT,
    "wonDate": FieldType.DATE,
}


class RestHarness:
    names = Names(email="email", first="firstName", note="notes", phone="phone")
    token = TOKEN

    def __init__(self, system: PretendApplication) -> None:
        self.system = system

    def connect(self, *, url=None, token=None, timeout=10, **shape):
        given = {"base_url": url or self.system.url, "auth": {"bearer": token or TOKEN}, "webhook": {"secret": SECRET}}
        objects = {OBJECT: SystemObject(RestObject.model_validate(shape), FIELDS)}
        settings = RestSettings.model_validate(given)
        return REST.build(SystemContext("application", settings, objects, timeout, allow_private=True))

    def agent_creates(self, leads):
        return self.system.create(leads)

    def agent_edits(self, external_id, values):
        self.system.edit({external_id: values})

    def agent_deletes(self, external_id):
        self.system.delete([external_id])

    def count(self, field, value):
        return sum(each.get(field) == value for each in self.system.leads())

    def webhook(self, external_id):
        body = orjson.dumps({"type": "lead.updated", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": external_id}})
        at = now()
        message = f"msg_1.{at // 1_000_000}.".encode() + body
        signature = base64.b64encode(hmac.digest(base64.b64decode(SECRET), message, "sha256")).decode()
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(at // 1_000_000),
            "webhook-signature": f"v1,{signature}",
        }
        return WebhookRequest("POST", "https://sync.example.com/webhooks/application", headers, body, at)


@pytest.fixture(scope="module")
def system(tmp_path_factory) -> Iterator[RestHarness]:
    with PretendApplication(tmp_path_factory.mktemp("application"), token=TOKEN) as application:
        yield RestHarness(application)


@pytest.fixture
def harness(system):
    yield system
    system.system.lift()


@pytest.fixture
async def connector(harness):
    opened = harness.connect()
    yield opened
    await opened.aclose()


class TestRest(ConnectorContract, ChangesContract, FaultsContract):
    """All of the suite, with one bulk call for a batch."""

    async def test_a_deleted_row_is_reported(self, connector, harness):
        _, external_id = await created(connector, harness)
        cursor = await caught_up(connector)
        harness.agent_deletes(external_id)
        changes, _ = await read_to_the_end(connector, cursor)
        assert [(change.external_id, change.verb) for change in changes] == [(external_id, "deleted")]

    async def test_values_of_every_type_come_back(self, connector, harness):
        sent = {"employeeCount": 50, "annualRevenue": "12.5", "emailOptOut": True, "wonDate": "2026-01-31"}
        write = new(harness)
        (outcome,) = await written(connector, Write(write.key, None, {**write.values, **sent}))
        assert {name: outcome.stored[name] for name in sent} == sent

    async def test_new_and_linked_rows_take_one_call(self, connector, harness):
        key, external_id = await created(connector, harness)
        harness.system.forget_calls()
        linked = Write(key, external_id, {"firstName": "Bea"})
        assert classes(await written(connector, linked, new(harness))) == [OutcomeClass.OK] * 2
        assert harness.system.count_calls()["write"] == 1


class TestRestWithoutBulk:
    """An API that takes one row a call gets several calls at once."""

    @pytest.fixture
    async def connector(self, harness):
        opened = harness.connect(bulk=None, lookup=None, idempotency_header="Idempotency-Key")
        yield opened
        await opened.aclose()

    async def test_every_row_has_its_own_outcome(self, connector, harness):
        _, linked = await created(connector, harness)
        bad = Write(fresh(), None, {"email": "nobody"})
        writes = [new(harness), bad, Write(fresh(), linked, {"firstName": "Bea"}), *[new(harness) for _ in range(20)]]
        outcomes = await written(connector, *writes)
        assert classes(outcomes) == [OutcomeClass.OK, OutcomeClass.REJECTED, *[OutcomeClass.OK] * 21]
        assert [outcome.created for outcome in outcomes[:3]] == [True, None, False]

    async def test_the_same_key_twice_makes_one_row(self, connector, harness):
        write = new(harness)
        outcomes = await written(connector, write, write)
        assert outcomes[0].external_id == outcomes[1].external_id

    async def test_a_lost_reply_concerns_one_row_alone(self, connector, harness):
        writes = [new(harness) for _ in range(5)]
        harness.system.order("lost_reply", path=writes[3].key, times=1)
        found = classes(await written(connector, *writes))
        assert found == [OutcomeClass.UNCERTAIN if place == 3 else OutcomeClass.OK for place in range(5)]

    async def test_a_stale_version_is_a_conflict(self, connector, harness):
        write = new(harness)
        (first,) = await written(connector, write)
        stale = Write(write.key, first.external_id, {"firstName": "Bea"}, "an-old-etag")
        well = Write(write.key, first.external_id, {"firstName": "Bea"}, first.etag)
        assert classes(await written(connector, stale)) == [OutcomeClass.CONFLICT]
        assert classes(await written(connector, well)) == [OutcomeClass.OK]

    async def test_rows_are_read_one_by_one(self, connector, harness):
        ids = harness.agent_creates([lead(harness, fresh()) for _ in range(3)])
        rows = await connector.lookup(OBJECT, Lookup(ids=[*ids, "999999999"]))
        assert sorted(row.external_id for row in rows) == sorted(ids)
