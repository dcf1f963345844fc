"""Webhooks of described systems: the schemes that can be described, with known signatures."""

import pytest

from sync_system.connectors.protocol import WebhookRequest
from sync_system.connectors.rest.rows import ObjectShape
from sync_system.connectors.rest.settings import Webhook
from sync_system.connectors.rest.shapes import RestObject
from sync_system.connectors.rest.webhooks import WebhookReader
from sync_system.domain.fields import FieldType
from sync_system.errors import WebhookRefused

AT = 1_700_000_000_000_000
STANDARD_BODY = b'{"type":"lead.updated","timestamp":"2023-11-14T22:13:20Z","data":{"id":"L1"}}'
RECORD_BODY = (
    b'{"targetUrl":"https://sync.example.com/hooks/twenty","eventName":"person.created","objectMetadata":'
    b'{"id":"o1","nameSingular":"person"},"workspaceId":"w1","webhookId":"h1",'
    b'"eventDate":"2023-11-14T22:13:20.000Z","record":{"id":"p1"}}'
)
STANDARD = (
    {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1a,other v1,l0QfOWmnNLwcVscteOlCIOF6PfB/nrVjNYk1HUnfFFE=",
    },
    STANDARD_BODY,
)
IN_ONE_HEADER = (
    {
        "secret": "whsec_test",
        "secret_encoding": "text",
        "header": "X-Signature",
        "separator": ",",
        "prefix": "v1=",
        "encoding": "hex",
        "template": "{timestamp}.{body}",
        "timestamp": {"header": "X-Signature", "prefix": "t="},
    },
    {"x-signature": "t=1700000000,v1=619f8ffc99994ace0dc232b6e5178b0acc6e33e30a31d7e78437079cebcdfda6"},
    STANDARD_BODY,
)
IN_MILLISECONDS = (
    {
        "secret": "deadbeef" * 8,
        "secret_encoding": "text",
        "header": "X-Webhook-Signature",
        "separator": None,
        "prefix": "",
        "encoding": "hex",
        "template": "{timestamp}:{body}",
        "timestamp": {"header": "X-Webhook-Timestamp", "unit": "ms"},
        "events": {"type": "eventName", "row": "record", "at": "eventDate", "types": {"person.created": "created"}},
    },
    {
        "x-webhook-signature": "71c9ecd6da4b4344801c42093a503150e9b31a8da27b0671317142144f9b2aaa",
        "x-webhook-timestamp": "1700000000000",
    },
    RECORD_BODY,
)
SCHEMES = pytest.mark.parametrize(
    "scheme", [STANDARD, IN_ONE_HEADER, IN_MILLISECONDS], ids=["standard", "one header", "milliseconds"]
)


def changes(scheme, *, at=AT, body=None, **headers):
    settings, given, sent = scheme
    shape = ObjectShape("lead", RestObject(), {"firstName": FieldType.TEXT}, {})
    request = WebhookRequest("POST", "https://sync.example.com/hooks", given | headers, body or sent, at)
    return WebhookReader(Webhook.model_validate(settings), shape).changes(request)


@SCHEMES
def test_a_known_signature_is_accepted(scheme):
    (change,) = changes(scheme)
    assert change.external_id in {"L1", "p1"}
    assert (change.at, change.values) == (AT, None)


@SCHEMES
@pytest.mark.parametrize("late", [301_000_000, -301_000_000])
def test_a_webhook_of_another_time_is_refused(scheme, late):
    with pytest.raises(WebhookRefused, match="timestamp"):
        changes(scheme, at=AT + late)


@SCHEMES
def test_a_changed_body_is_refused(scheme):
    with pytest.raises(WebhookRefused, match="signature"):
        changes(scheme, body=scheme[2] + b" ")


@SCHEMES
def test_another_secret_is_refused(scheme):
    settings, headers, body = scheme
    with pytest.raises(WebhookRefused, match="signature"):
        changes(({**settings, "secret": "b3RoZXI="}, headers, body))


def test_one_of_several_secrets_is_enough():
    settings, headers, body = STANDARD
    assert changes(({**settings, "secret": ["b3RoZXI=", settings["secret"]]}, headers, body))


def test_the_id_of_a_webhook_makes_its_events_recognisable():
    (change,) = changes(STANDARD)
    assert (change.event_id, change.verb) == ("msg_1:0", "updated")


@pytest.mark.parametrize(("secret", "encoding"), [("not base64!", "base64"), ("xyz", "hex")])
def test_a_secret_that_cannot_be_read_is_a_mistake_in_the_configuration(secret, encoding):
    with pytest.raises(ValueError, match="not written in") as caught:
        Webhook.model_validate({"secret": secret, "secret_encoding": encoding})
    assert secret not in str(caught.value)
