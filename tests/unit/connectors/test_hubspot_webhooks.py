"""HubSpot's webhooks: published signature vectors, and events folded into changes."""

import pytest

from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotWebhook
from sync_system.connectors.hubspot.webhooks import authenticate, changes_of, read_events, signed_address
from sync_system.connectors.protocol import WebhookRequest
from sync_system.errors import WebhookRefused

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
URL = "https://sync.example.com/hooks/hubspot?tenant=a%3Ab"
AT = 1_700_000_000_000_000
V3 = "ZhlvtfXiy9B7MAqY/w7OhSExdCkGvjnX/LYeqsu1Kuw="
V1 = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
CONTACTS = ObjectType(HubSpotObject(), "2026-03", {})


def request(*, at=AT, body=BODY, url=URL, **headers):
    given = {"x_hubspot_signature_v3": V3, "x_hubspot_request_timestamp": "1700000000000"} | headers
    named = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return WebhookRequest("POST", url, named, body, at)


def settings(*secrets):
    return HubSpotWebhook.model_validate({"secret": list(secrets)})


def test_the_vendors_signature_is_accepted():
    authenticate(settings(SECRET), request())


def test_any_of_several_secrets_is_accepted():
    authenticate(settings("the-new-one", SECRET), request())


@pytest.mark.parametrize(
    "wrong",
    [
        request(body=BODY + b" "),
        request(url=URL + "&more=1"),
        request(x_hubspot_signature_v3="AAAA"),
        request(x_hubspot_signature_v3=None),
        request(x_hubspot_request_timestamp=None),
        request(x_hubspot_request_timestamp="1700000000001"),
        request(x_hubspot_request_timestamp="-1700000000000"),
        request(at=AT + 301_000_000),
        request(at=AT - 301_000_000),
        request(x_hubspot_signature_v3=None, x_hubspot_signature=V1, x_hubspot_signature_version="v1"),
    ],
    ids=["body", "url", "signature", "unsigned", "untimed", "time", "negative", "too old", "of the future", "v1"],
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(WebhookRefused):
        authenticate(settings(SECRET), wrong)


def test_only_the_vendors_escapes_are_decoded():
    assert signed_address("https://a.example.com/x?q=%3A%2f%20%C3%A9&r=%2C#part") == (
        "https://a.example.com/x?q=:/%20%C3%A9&r=,"
    )


def event(kind, row=1, at=1_000, **more):
    return {
        "subscriptionType": f"contact.{kind}",
        "objectId": row,
        "occurredAt": at,
        "portalId": 1,
        "eventId": at,
        **more,
    }


def folded(*events, app_id=None):
    return {change.external_id: change for change in changes_of(events, CONTACTS, app_id)}


def test_the_events_of_a_row_become_one_change():
    told = [event("propertyChange", at=at, propertyName=name) for at, name in [(3, "email"), (5, "phone"), (4, "city")]]
    (change,) = folded(*told).values()
    assert (change.verb, change.external_id, change.at, change.values) == ("updated", "1", 5_000, None)


@pytest.mark.parametrize(
    ("told", "verb"),
    [
        ([event("propertyChange", at=2), event("creation", at=1)], "created"),
        ([event("deletion", at=3), event("propertyChange", at=2)], "deleted"),
        ([event("restore", at=4), event("deletion", at=3)], "updated"),
        ([event("deletion", at=4), event("restore", at=3)], "deleted"),
        ([event("privacyDeletion", at=4)], "deleted"),
    ],
)
def test_the_latest_birth_or_death_decides(told, verb):
    assert folded(*told)["1"].verb == verb


def test_a_merge_names_what_it_was_merged_into():
    changes = folded(event("merge", 7, primaryObjectId=7, mergedObjectIds=[8, 9], newObjectId=10))
    assert {row: (change.verb, change.into) for row, change in changes.items()} == {
        "7": ("merged", "10"),
        "8": ("merged", "10"),
        "9": ("merged", "10"),
        "10": ("updated", None),
    }


def test_a_repetition_has_the_same_event_id():
    told = [event("propertyChange", at=2, propertyName="email"), event("propertyChange", at=3, propertyName="phone")]
    again = [{**each, "attemptNumber": 1} for each in reversed(told)]
    assert folded(*told)["1"].event_id == folded(*again)["1"].event_id
    assert folded(*told)["1"].event_id != folded(told[0])["1"].event_id


def test_what_our_own_app_wrote_is_passed_over():
    own = event("propertyChange", 1, changeSource="INTEGRATION", sourceId="77")
    other = event("propertyChange", 2, changeSource="INTEGRATION", sourceId="78")
    assert set(folded(own, other, app_id=77)) == {"2"}
    assert set(folded(own, other)) == {"1", "2"}


def test_other_objects_are_passed_over():
    leads = ObjectType(HubSpotObject(object_type="leads"), "2026-03", {})
    generic = {"subscriptionType": "object.creation", "objectTypeId": "0-136", "objectId": 5, "occurredAt": 1}
    told = [event("creation", 1), {**event("creation", 2), "subscriptionType": "company.creation"}, generic]
    assert [change.external_id for change in changes_of(told, CONTACTS, None)] == ["1"]
    assert [change.external_id for change in changes_of(told, leads, None)] == ["5"]


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]"])
def test_a_body_that_holds_no_events_is_refused(body):
    with pytest.raises(WebhookRefused):
        read_events(body)
