"""Changes of contacts, kept in the store until the webhooks have told them, and the events they are told as."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Store

Kind = Literal["creation", "propertyChange", "deletion", "restore", "merge"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changed a contact, as the events name it: CRM_UI with a user, INTEGRATION with the app."""

    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `at` in milliseconds; `values` holds the properties that were set, cleared ones as empty texts."""

    kind: Kind
    contact: int
    at: int
    origin: Origin
    values: dict[str, str] = field(default_factory=dict)
    merged: tuple[int, ...] = ()


def record_changes(store: Store, settings: CrmSettings, changes: Sequence[Change]) -> None:
    """Keep changes for the webhooks, each due at a moment of its own; call it inside the write's transaction."""
    hooks = settings.webhooks
    if not hooks.enabled:
        return
    told = [change for change in changes if hooks.own_changes or change.origin.source != "INTEGRATION"]
    start = time.time() + hooks.earliest
    spread = max(0.0, hooks.latest - hooks.earliest)
    rows = [(start + random.random() * spread, orjson.dumps(change).decode()) for change in told]
    store.many("insert into changes (due_at, change) values (?, ?)", rows)


def events_of(row: int, change: dict[str, Any], settings: CrmSettings) -> list[dict[str, Any]]:
    """Return the events that tell of a change: one for each property, and one for the contact where it came or went."""
    base = {
        "portalId": settings.portal_id,
        "appId": settings.app_id,
        "occurredAt": change["at"],
        "attemptNumber": 0,
        "objectId": change["contact"],
        "changeSource": change["origin"]["source"],
        "sourceId": change["origin"]["source_id"],
        "objectTypeId": "0-1",
    }
    told = _about_contact(change) + _about_properties(change, settings.webhooks.properties)
    return [base | event | {"eventId": row * 1000 + place} for place, event in enumerate(told)]


def _about_contact(change: dict[str, Any]) -> list[dict[str, Any]]:
    kind = change["kind"]
    if kind == "propertyChange":
        return []
    more: dict[str, Any] = {"creation": {"changeFlag": "NEW"}, "deletion": {"changeFlag": "DELETED"}}.get(kind, {})
    if kind == "merge":
        more = {
            "primaryObjectId": change["contact"],
            "mergedObjectIds": change["merged"],
            "newObjectId": change["contact"],
            "numberOfPropertiesMoved": len(change["values"]),
        }
    return [{"subscriptionType": f"contact.{kind}", "subscriptionId": _subscription(kind)} | more]


def _about_properties(change: dict[str, Any], subscribed: tuple[str, ...] | None) -> list[dict[str, Any]]:
    return [
        {
            "subscriptionType": "contact.propertyChange",
            "subscriptionId": _subscription(name),
            "propertyName": name,
            "propertyValue": value,
            "isSensitive": False,
        }
        for name, value in change["values"].items()
        if subscribed is None or name in subscribed
    ]


def _subscription(name: str) -> int:
    return 100_000 + sum(place * ord(letter) for place, letter in enumerate(name, 1))
