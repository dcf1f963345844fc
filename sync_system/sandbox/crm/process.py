"""The pretend CRM in a process of its own, with what its agents can do as methods."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sync_system.sandbox.crm.store import FIRST_ID, Contact, Store
from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.serving.process import PretendSystem

PORTION = 5_000  # rows of a fill in memory at once


class PretendCrm(PretendSystem):
    """Starts, stops and asks a pretend CRM; `folder` holds its database `data.db` (table `contacts`)."""

    module = "sync_system.sandbox.crm"

    def __init__(
        self,
        folder: Path,
        *,
        token: str = "pat-sandbox",  # noqa: S107  # opens nothing but the sandbox
        webhook_url: str | None = None,
        webhook_secret: str = "sandbox-secret",  # noqa: S107
        key_property: bool = True,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.token, self.webhook_url, self.webhook_secret = token, webhook_url, webhook_secret
        options = {
            "token": token,
            "webhook-url": webhook_url,
            "webhook-secret": webhook_secret,
            "key-property": "yes" if key_property else "no",
            "settings": orjson.dumps(dict(settings or {})).decode(),
        }
        super().__init__(folder, options)

    def create(self, contacts: Iterable[Mapping[str, Any]]) -> list[str]:
        """Let an agent create contacts, each given by its properties; return their ids in order."""
        return list(self.ask("POST", "/contacts", {"contacts": [{"properties": dict(each)} for each in contacts]}))

    def fill(self, rows: Iterable[tuple[int, Mapping[str, Any], int]]) -> None:
        """Put contacts into the empty database as if they had stood there for long: nobody is told, no call is logged.

        Each by its id, its properties and the time of its last change, microseconds since the epoch.
        """
        store, contacts = Store(self.database), map(_contact, rows)
        with closing(store), store.transaction():
            if store.next_ids(1).start > FIRST_ID:
                raise ServerFailed("the CRM holds contacts of its own already")
            while portion := list(islice(contacts, PORTION)):
                store.insert(portion)

    def edit(self, contacts: Mapping[str, Mapping[str, Any]]) -> None:
        """Let an agent type over properties, given by contact id; an empty text clears."""
        edits = [{"id": id, "properties": dict(properties)} for id, properties in contacts.items()]
        self.ask("PATCH", "/contacts", {"contacts": edits})

    def delete(self, ids: Sequence[str]) -> None:
        """Let an agent delete contacts."""
        self.ask("POST", "/contacts/delete", {"ids": list(ids)})

    def restore(self, ids: Sequence[str]) -> None:
        """Let an agent bring deleted contacts back."""
        self.ask("POST", "/contacts/restore", {"ids": list(ids)})

    def merge(self, primary: str, merged: str) -> str:
        """Let an agent merge one contact into another; return the survivor's id."""
        return str(self.ask("POST", "/contacts/merge", {"primary": primary, "merged": merged}))

    def contacts(self) -> list[dict[str, Any]]:
        """Return all contacts that stand, each with all its properties."""
        found: list[dict[str, Any]] = []
        while page := self.ask("GET", f"/contacts?after={found[-1]['id'] if found else 0}"):
            found += page
        return found

    def counts(self) -> dict[str, int]:
        """Return how many contacts stand and how many reports wait."""
        return dict(self.ask("GET", "/counts"))

    def expire_tokens(self) -> None:
        """Let all access tokens from OAuth expire now."""
        self.ask("POST", "/tokens/expire")


def _contact(row: tuple[int, Mapping[str, Any], int]) -> Contact:
    id, values, at = row
    return Contact(id, {name: value for name, value in values.items() if value is not None}, at // 1000, at // 1000)
