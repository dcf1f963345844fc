"""From messages to the ledger: what can be read is taken in, what cannot is written down with its reason, alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from sync_system.domain.catalog import Catalog
from sync_system.errors import InvalidEvent
from sync_system.ledger import events, suspects
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.envelope import Event, decode
from sync_system.messaging.topology import REJECTED
from sync_system.services.clock import Clock
from sync_system.services.intake import Intake, Taken
from sync_system.services.observing import UNOBSERVED, Observer, Timed
from sync_system.services.reading import Arrival, Reader

EXCERPT = 65_536


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message that cannot be taken in. `id`: the same for the same message, however often it comes."""

    id: str
    system: str
    body: bytes
    reason: str
    event: Event | None = None

    def pointer(self) -> Outgoing:
        """Return the message for the rejected queue."""
        return pointer(self.id, self.system, self.reason)

    def row(self, now: int) -> dict[str, Any]:
        """Return the event's row in the ledger."""
        event = self.event
        return {
            "id": self.id, "source": self.system, "event_id": event.id if event else self.id,
            "object": event.object if event else "", "verb": event.verb if event else "",
            "external_id": event.external_id if event else None, "at": event.at if event else None,
            "received_at": now, "payload": {"body": self.body[:EXCERPT].decode("utf-8", "replace")},
            "outcome": "invalid", "error": self.reason, "record": None, "decisions": None,
        }  # fmt: skip


def pointer(id: str, system: str, reason: str) -> Outgoing:
    """Return the message that stands for a rejected one: where it stands in the ledger, and why; no lead data."""
    return Outgoing("", REJECTED, orjson.dumps({"event": id, "system": system, "reason": reason}), message_id=id)


def rejection(system: str, body: bytes, reason: str, event: Event | None = None) -> Rejection:
    """Return why a system's message is not taken in."""
    return Rejection(message_id(system, body), system, body, reason, event)


def message_id(system: str, body: bytes) -> str:
    """Return what a message is known by, even if nothing in it can be read."""
    return blake2b(system.encode() + b"\0" + body, digest_size=16).hexdigest()


@dataclass(slots=True)
class Ingested:
    """What a batch of messages came to."""

    taken: Taken
    rejected: list[Rejection] = field(default_factory=list)


class Ingest:
    """Takes in the messages of a system's queue."""

    def __init__(self, db: Database, catalog: Catalog, clock: Clock, observer: Observer = UNOBSERVED) -> None:
        self.intake, self.reader, self.clock = Intake(db, catalog, clock), Reader(catalog), clock
        self.observer = observer

    async def take(self, system: str, bodies: Sequence[bytes]) -> Ingested:
        """Take in a batch; one message that cannot be read delivers the rest."""
        now = self.clock()
        arrivals: list[Arrival] = []
        rejected: list[Rejection] = []
        for body in bodies:
            read = self._read(system, body, now)
            if isinstance(read, Rejection):
                rejected.append(read)
            else:
                arrivals.append(read)
        taken = await self.intake.take(arrivals, writes_down(rejected, now))
        self.observer.took_in(system, arrivals, taken, Timed(now, self.clock()))
        return Ingested(taken, rejected)

    async def reject(self, system: str, body: bytes, reason: str) -> Rejection:
        """Write down a message that is not even tried, because of what it did before."""
        refused, now = rejection(system, body, reason), self.clock()
        await self.intake.take([], writes_down([refused], now))
        return refused

    async def note_try(self, system: str, body: bytes) -> int:
        """Note that a message is about to be tried alone; return how often it was before, without an end."""
        async with self.intake.db.write() as sql:
            return await suspects.note_try(sql, message_id(system, body), self.clock())

    async def clear_tries(self, system: str, body: bytes) -> None:
        """Note that a message which was tried alone has been dealt with."""
        async with self.intake.db.write() as sql:
            await suspects.clear(sql, message_id(system, body))

    def _read(self, system: str, body: bytes, now: int) -> Arrival | Rejection:
        event = None
        try:
            event = decode(body)
            if event.source != system:
                raise InvalidEvent(f"source {event.source!r} does not fit the queue of {system!r} that it came by")
            return self.reader.read(event, now)
        except InvalidEvent as exc:
            return rejection(system, body, str(exc), event)


def writes_down(rejected: Sequence[Rejection], now: int) -> Any:
    """Return what writes these rejections down in somebody's SQL transaction, None if there are none."""
    if not rejected:
        return None

    async def write(sql: Sql) -> None:
        await events.add_invalid(sql, [r.row(now) for r in rejected])
        tally = Tally()
        for r in rejected:
            tally.add("received", r.system, "invalid")
        await tally.store(sql, now)

    return write
