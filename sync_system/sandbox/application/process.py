"""The pretend application in a process of its own, with what its staff can do as methods."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sync_system.sandbox.application.store import Lead, Store
from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.serving.process import PretendSystem

PORTION = 5_000  # rows of a fill in memory at once


class PretendApplication(PretendSystem):
    """Starts, stops and asks a pretend application; `folder` holds its database `data.db` (table `leads`)."""

    module = "sync_system.sandbox.application"

    def __init__(
        self,
        folder: Path,
        *,
        token: str = "sandbox-token",  # noqa: S107  # opens nothing but the sandbox
        broker: str | None = None,
        source: str = "application",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.token = token
        told = {"token": token, "source": source, "settings": orjson.dumps(dict(settings or {})).decode()}
        super().__init__(folder, told | {"broker": broker})

    def create(self, leads: Iterable[Mapping[str, Any]]) -> list[str]:
        """Let the staff create leads, each given by its values; return their ids in order."""
        return list(self.ask("POST", "/leads", {"leads": [dict(lead) for lead in leads]}))

    def fill(self, rows: Iterable[tuple[int, Mapping[str, Any], int]]) -> None:
        """Put leads into the empty database as if they had stood there for long: nobody is told, no call is logged.

        Each by its id, its values and the time of its last change, microseconds since the epoch.
        """
        store, leads = Store(self.database), (Lead(id, dict(values), 1, at, at) for id, values, at in rows)
        with closing(store), store.transaction():
            if store.next_id() > 1:
                raise ServerFailed("the application holds leads of its own already")
            while portion := list(islice(leads, PORTION)):
                store.save(portion)

    def edit(self, leads: Mapping[str, Mapping[str, Any]]) -> None:
        """Let the staff type over values, given by lead id; None clears."""
        edits = [{"id": id, "values": dict(values)} for id, values in leads.items()]
        self.ask("PATCH", "/leads", {"leads": edits})

    def delete(self, ids: Sequence[str]) -> None:
        """Let the staff delete leads."""
        self.ask("POST", "/leads/delete", {"ids": list(ids)})

    def leads(self) -> list[dict[str, Any]]:
        """Return all leads that stand."""
        found: list[dict[str, Any]] = []
        while page := self.ask("GET", f"/leads?after={found[-1]['id'] if found else 0}"):
            found += page
        return found

    def counts(self) -> dict[str, int]:
        """Return how many leads stand, are deleted, and how many changes wait in the outbox."""
        return dict(self.ask("GET", "/counts"))
