"""Contacts as the API shows them: properties asked for, texts only, moments in ISO 8601."""

from collections.abc import Iterable
from typing import Any

from sync_system.sandbox.crm.properties import iso
from sync_system.sandbox.crm.store import Contact, now
from sync_system.sandbox.crm.writing import Written

BY_DEFAULT = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")


def shown(contact: Contact, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return a contact with the properties asked for, absent ones as null."""
    wanted = dict.fromkeys((*names, *ALWAYS) if names else BY_DEFAULT)
    view: dict[str, Any] = {
        "id": str(contact.id),
        "properties": {name: contact.value(name) for name in wanted},
        "createdAt": iso(contact.created_at),
        "updatedAt": iso(contact.updated_at),
        "archived": contact.archived,
    }
    return view | {"archivedAt": iso(contact.archived_at)} if contact.archived_at else view


def shown_written(written: Written, *, upsert: bool) -> dict[str, Any]:
    """Return a contact after a write, with what was written; `new` tells an upsert's caller that it was created."""
    names = dict.fromkeys((*written.names, "email"))
    view = shown(written.contact, names)
    if written.trace is not None:
        view["objectWriteTraceId"] = written.trace
    return view | {"new": written.created} if upsert else view


def batch_reply(
    results: list[dict[str, Any]], errors: list[dict[str, Any]], *, started: int
) -> tuple[int, dict[str, Any]]:
    """Return status and body of a batch call: 207 where something failed."""
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started),
        "completedAt": iso(now()),
    }
    return (207, body | {"numErrors": len(errors), "errors": errors}) if errors else (200, body)
