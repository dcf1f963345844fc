"""HubSpot's webhooks: the signature of version 3 checked, then one event for each property folded into one change a row.

They carry no row, come in any order and more than once: they only say where to look.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from sync_system.connectors.configuration import plain
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.hubspot.settings import HubSpotWebhook
from sync_system.connectors.protocol import Change, WebhookRequest
from sync_system.connectors.signatures import require_fresh, require_signature
from sync_system.errors import WebhookRefused

SIGNATURE = "x-hubspot-signature-v3"
TIMESTAMP = "x-hubspot-request-timestamp"
MILLISECOND = 1_000
# The escapes that HubSpot decodes in a query before it signs; all others stay as they were sent.
DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
VERBS = {"creation": "created", "deletion": "deleted", "privacyDeletion": "deleted"}
TOLD = frozenset({"creation", "deletion", "privacyDeletion", "propertyChange", "restore", "merge"})
# What makes two deliveries of one event recognisable; the event's id alone is not unique.
IDENTITY = ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt", "propertyName")


def authenticate(settings: HubSpotWebhook, request: WebhookRequest) -> None:
    """Raise WebhookRefused unless a webhook is signed by the app; versions 1 and 2 have no time and are no proof."""
    timestamp = request.headers.get(TIMESTAMP, "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise WebhookRefused("the timestamp is missing or no number")
    require_fresh(int(timestamp) * MILLISECOND, request.at, settings.tolerance)
    require_signature(
        [secret.encode() for secret in plain(settings.secret)],
        f"{request.method}{signed_address(request.url)}".encode() + request.body + timestamp.encode(),
        [request.headers.get(SIGNATURE, "")],
        encode=lambda digest: base64.b64encode(digest).decode(),
    )


def signed_address(url: str) -> str:
    """Return an address as HubSpot signs it."""
    path, question, query = url.partition("#")[0].partition("?")
    for escape, character in DECODED.items():
        query = query.replace(escape, character).replace(escape.lower(), character)
    return path + question + query


def read_events(body: bytes) -> list[Mapping[str, Any]]:
    """Return the events of a webhook; raise WebhookRefused if it holds something else."""
    try:
        events = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise WebhookRefused("the body is no JSON") from exc
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise WebhookRefused("the body is no list of events")
    return events


def changes_of(events: Iterable[Mapping[str, Any]], object: ObjectType, app_id: int | None) -> Sequence[Change]:
    """Fold the events of an object into one change for each row; what our own app wrote is passed over."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    merged: list[Change] = []
    for event in events:
        kind = _kind(event, object)
        if kind is None or _own(event, app_id):
            continue
        if kind == "merge":
            merged += _merged(event)
        survivor = event.get("newObjectId") if kind == "merge" else None
        rows.setdefault(str(survivor or event.get("objectId")), []).append(event)
    gone = {change.external_id for change in merged}
    return [*merged, *(_folded(row, told) for row, told in rows.items() if row not in gone)]


def _kind(event: Mapping[str, Any], object: ObjectType) -> str | None:
    """Return what happened, if it happened to this kind of object."""
    name, _, kind = str(event.get("subscriptionType", "")).partition(".")
    ours = event.get("objectTypeId") == object.type_id if name == "object" else name == object.webhook_name
    return kind if ours and kind in TOLD else None


def _own(event: Mapping[str, Any], app_id: int | None) -> bool:
    if app_id is None or event.get("changeSource") != "INTEGRATION":
        return False
    return str(event.get("sourceId")) == str(app_id)


def _merged(event: Mapping[str, Any]) -> list[Change]:
    """Return a change for each row that a merge ended."""
    survivor = str(event.get("newObjectId") or event.get("primaryObjectId") or event.get("objectId"))
    ended = [event.get("primaryObjectId"), *(event.get("mergedObjectIds") or ())]
    rows = dict.fromkeys(str(row) for row in ended if row is not None and str(row) != survivor)
    return [Change(f"{_identity([event])}:{row}", "merged", row, _at([event]), into=survivor) for row in rows]


def _folded(row: str, told: Sequence[Mapping[str, Any]]) -> Change:
    structural = [event for event in told if _verb(event) or _is(event, "restore")]
    latest = max(structural, key=lambda event: event.get("occurredAt") or 0, default=None)
    verb = (_verb(latest) if latest else None) or "updated"
    return Change(_identity(told), verb, row, _at(told))


def _verb(event: Mapping[str, Any]) -> str | None:
    return VERBS.get(str(event.get("subscriptionType", "")).partition(".")[2])


def _is(event: Mapping[str, Any], kind: str) -> bool:
    return str(event.get("subscriptionType", "")).endswith(f".{kind}")


def _at(told: Sequence[Mapping[str, Any]]) -> int | None:
    latest = max((int(event.get("occurredAt") or 0) for event in told), default=0)
    return latest * MILLISECOND or None


def _identity(told: Sequence[Mapping[str, Any]]) -> str:
    members = sorted(repr([event.get(name) for name in IDENTITY]) for event in told)
    return blake2b("\n".join(members).encode(), digest_size=16).hexdigest()
