"""What the conformance suite needs to know of a kind of system, beyond its connector: written once for each."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync_system.connectors.protocol import Connector, Outcome, WebhookRequest, Write
from sync_system.domain.outcomes import OutcomeClass

OBJECT = "lead"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Names:
    """The system's own names of the fields that the suite writes: an email, a short text, a long text, a phone."""

    email: str
    first: str
    note: str
    phone: str


class Harness(Protocol):
    """One running pretend system; tests share it, so each works on leads of its own."""

    names: Names
    system: Any
    token: str

    def connect(self, *, url: str | None = None, token: str | None = None, timeout: float = 10) -> Connector:
        """Make a connector, by default with the right address and the right token."""

    def agent_creates(self, leads: Sequence[Mapping[str, Any]]) -> list[str]:
        """Let somebody in the system create rows by hand; return their ids."""

    def agent_edits(self, external_id: str, values: Mapping[str, Any]) -> None:
        """Let somebody in the system type over values."""

    def agent_deletes(self, external_id: str) -> None:
        """Let somebody in the system delete a row."""

    def count(self, field: str, value: str) -> int:
        """Tell how many rows hold this value."""

    def webhook(self, external_id: str) -> WebhookRequest:
        """Return a webhook, rightly signed, that tells of a changed row."""


def fresh() -> str:
    """Return a text that no other test uses."""
    return f"{uuid.uuid4().hex[:12]}-{next(numbers)}"


def email_of(name: str) -> str:
    return f"{name}@example.com"


def lead(harness: Harness, name: str, **more: Any) -> dict[str, Any]:
    """Return the values of a lead with an email of its own."""
    names = harness.names
    return {
        names.email: email_of(name),
        names.first: "Ann",
        **{getattr(names, key): value for key, value in more.items()},
    }


def new(harness: Harness, name: str | None = None, **more: Any) -> Write:
    """Return a write that creates a lead whose key and email are made of `name`."""
    name = name or fresh()
    return Write(name, None, lead(harness, name, **more))


async def written(connector: Connector, *writes: Write) -> list[Outcome]:
    return list((await connector.upsert(OBJECT, writes)).outcomes)


async def created(connector: Connector, harness: Harness, name: str | None = None, **more: Any) -> tuple[str, str]:
    """Create a lead and return its key and its id."""
    write = new(harness, name, **more)
    (outcome,) = await written(connector, write)
    assert outcome.outcome is OutcomeClass.OK, outcome
    assert outcome.external_id
    return write.key, outcome.external_id


def classes(outcomes: Sequence[Outcome]) -> list[OutcomeClass]:
    return [outcome.outcome for outcome in outcomes]
