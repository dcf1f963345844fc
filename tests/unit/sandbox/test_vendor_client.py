"""The vendor's own client speaks with the pretend CRM as it does with the real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hubspot
import pytest
from hubspot.crm import contacts
from hubspot.utils.signature import Signature
from webhook_receiver import Receiver

from sync_system.sandbox.crm import PretendCrm

UPSERT = contacts.SimplePublicObjectBatchInputUpsert


@pytest.fixture
def vendor(crm: PretendCrm) -> Iterator[Any]:
    client = hubspot.Client.create(access_token=crm.token, host=crm.url)
    apis = client.crm.contacts
    yield apis
    for api in (apis.basic_api, apis.batch_api, apis.search_api):
        api.api_client.rest_client.pool_manager.clear()


def upserts(name: str, count: int) -> contacts.BatchInputSimplePublicObjectBatchInputUpsert:
    return contacts.BatchInputSimplePublicObjectBatchInputUpsert(
        inputs=[
            UPSERT(
                id=f"{name}-{number}",
                id_property="sync_external_id",
                object_write_trace_id=str(number),
                properties={"email": f"{name}.{number}@example.com", "firstname": "Ada"},
            )
            for number in range(count)
        ]
    )


def test_batch_upsert_creates_and_then_updates(vendor: Any, name: str) -> None:
    first = vendor.batch_api.upsert(upserts(name, 3))
    again = vendor.batch_api.upsert(upserts(name, 3))
    assert first.status == "COMPLETE"
    assert [result.new for result in first.results] == [True] * 3
    assert [result.new for result in again.results] == [False] * 3
    assert {result.id for result in first.results} == {result.id for result in again.results}


def test_batch_upsert_tells_which_record_failed(vendor: Any, name: str) -> None:
    wanted = upserts(name, 2)
    wanted.inputs[1].properties["email"] = "nobody"
    answer = vendor.batch_api.upsert(wanted)
    assert answer.num_errors == 1
    assert answer.errors[0].context == {"objectWriteTraceId": ["1"]}
    assert "INVALID_EMAIL" in answer.errors[0].message
    assert [result.properties["email"] for result in answer.results] == [f"{name}.0@example.com"]


def test_search_finds_by_email_and_pages(vendor: Any, name: str) -> None:
    vendor.batch_api.upsert(upserts(name, 3))
    asked = contacts.PublicObjectSearchRequest(
        filter_groups=[
            {"filters": [{"propertyName": "sync_external_id", "operator": "CONTAINS_TOKEN", "value": f"{name}-*"}]}
        ],
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        properties=["email"],
        limit=2,
    )
    page = vendor.search_api.do_search(asked)
    asked.after = page.paging.next.after
    rest = vendor.search_api.do_search(asked)
    assert page.total == 3
    assert len({result.id for result in (*page.results, *rest.results)}) == 3
    assert rest.paging is None


def test_batch_read_returns_contacts_by_email(vendor: Any, name: str) -> None:
    vendor.batch_api.upsert(upserts(name, 2))
    asked = contacts.BatchReadInputSimplePublicObjectId(
        id_property="email",
        properties=["firstname", "sync_external_id"],
        properties_with_history=[],
        inputs=[{"id": f"{name}.0@EXAMPLE.com"}, {"id": f"{name}.none@example.com"}],
    )
    answer = vendor.batch_api.read(asked)
    assert [result.properties["sync_external_id"] for result in answer.results] == [f"{name}-0"]
    assert answer.errors[0].category == "OBJECT_NOT_FOUND"


def test_second_create_is_a_conflict_that_names_the_first(vendor: Any, name: str) -> None:
    person = contacts.SimplePublicObjectInputForCreate(properties={"email": f"{name}@example.com"})
    created = vendor.basic_api.create(simple_public_object_input_for_create=person)
    with pytest.raises(contacts.ApiException) as refused:
        vendor.basic_api.create(simple_public_object_input_for_create=person)
    assert refused.value.status == 409
    assert f"Contact already exists. Existing ID: {created.id}" in refused.value.body


def test_webhook_bears_a_signature_that_the_vendor_accepts(tmp_path: Path, receiver: Receiver) -> None:
    with PretendCrm(tmp_path, webhook_url=receiver.url, webhook_secret="a secret") as crm:
        crm.create([{"email": "ada@example.com"}])
        request = receiver.wait_for(bool)[0]
    assert Signature.is_valid(
        signature=request.headers["X-HubSpot-Signature-v3"],
        client_secret="a secret",
        request_body=request.body.decode(),
        http_uri=receiver.url.replace("%3A", ":"),
        http_method="POST",
        signature_version="v3",
        timestamp=request.headers["X-HubSpot-Request-Timestamp"],
    )
    assert Signature.is_valid(
        signature=request.headers["X-HubSpot-Signature"],
        client_secret="a secret",
        request_body=request.body.decode(),
        signature_version="v1",
    )
