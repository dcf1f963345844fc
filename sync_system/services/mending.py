"""Rejected messages: shown, corrected, put back into their queue, or set aside with the reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sync_system.domain.catalog import Catalog
from sync_system.errors import InvalidEvent, NotFound
from sync_system.ledger import rejected
from sync_system.ledger.database import Database
from sync_system.messaging.broker import Outgoing, Publisher
from sync_system.messaging.envelope import decode
from sync_system.messaging.pruning import prune
from sync_system.messaging.topology import EVENTS, REJECTED, Topology, routing_key
from sync_system.services.clock import Clock
from sync_system.services.ingest import EXCERPT
from sync_system.services.reading import Reader

SHORTEST_ID = 6
Change = Callable[[dict[str, Any] | None], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message as it came, and why it was not taken in. `mended_at`: when a person dealt with it, None if nobody did."""

    id: str
    system: str
    object: str
    verb: str
    external_id: str | None
    received_at: int
    reason: str
    body: str
    mended_at: int | None
    fate: str

    @property
    def whole(self) -> bool:
        """Whether the ledger holds just what came: not cut, and text."""
        return len(self.body.encode()) < EXCERPT and "\ufffd" not in self.body

    def message(self) -> dict[str, Any] | None:
        """Return the message's JSON object, None if it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class PutBack:
    """How many messages were put back, and which would be rejected again, each with the reason."""

    count: int
    refused: Sequence[tuple[str, str]]


class Mending:
    """Deals with what intake rejected."""

    def __init__(
        self, db: Database, catalog: Catalog, publisher: Publisher, broker_url: str, topology: Topology, clock: Clock
    ) -> None:
        self.db, self.publisher, self.clock = db, publisher, clock
        self.reader, self.broker_url, self.topology = Reader(catalog), broker_url, topology

    async def waiting(self, system: str | None, limit: int) -> Sequence[Rejected]:
        """Return what waits for a person, the latest first."""
        async with self.db.read() as sql:
            return [_rejected(row) for row in await rejected.page(sql, system, limit)]

    async def get(self, name: str) -> Rejected:
        """Return a message by its id or the beginning of it; raise NotFound."""
        return _rejected((await self._rows([name]))[0])

    async def mend(self, name: str, change: Change) -> Rejected:
        """Put a corrected message back; raise InvalidEvent if it would be rejected again, NotFound, BrokerUnavailable."""
        [row] = await self._rows([name])
        found = _rejected(row)
        body = orjson.dumps(change(found.message()))
        self._check(body)
        await self._publish([(row, body)])
        return found

    async def retry(self, names: Sequence[str]) -> PutBack:
        """Put messages back as they came: what was in the way is gone. Raise NotFound, BrokerUnavailable."""
        ready, refused = [], []
        for row in await self._rows(names):
            found = _rejected(row)
            try:
                if not found.whole:
                    raise InvalidEvent("it was longer than what is kept, or no text: have its system send it again")
                self._check(found.body.encode())
            except InvalidEvent as exc:
                refused.append((found.id, str(exc)))
            else:
                ready.append((row, found.body.encode()))
        await self._publish(ready)
        return PutBack(len(ready), refused)

    async def drop(self, names: Sequence[str], reason: str) -> int:
        """Set messages aside for good, and remember why; return how many. Raise NotFound, BrokerUnavailable."""
        rows = await self._rows(names)
        async with self.db.write() as sql:
            count = await rejected.settle(sql, rows, rejected.DROPPED, reason, self.clock())
        await self.prune()
        return count

    async def prune(self) -> int:
        """Take the pointers of what was dealt with out of the rejected queue; return how many. Raise BrokerUnavailable."""
        return await prune(self.broker_url, self.topology, REJECTED, self._dealt_with)

    async def _dealt_with(self, bodies: Sequence[bytes]) -> Sequence[bool]:
        ids = [_pointed(body) for body in bodies]
        async with self.db.read() as sql:
            gone = await rejected.settled(sql, {id for id in ids if id is not None})
        return [id in gone for id in ids]

    def _check(self, body: bytes) -> None:
        self.reader.read(decode(body), self.clock())

    async def _publish(self, ready: Sequence[tuple[Any, bytes]]) -> None:
        """Publish first, note it second: an end in between repeats a message, which changes nothing."""
        if not ready:
            return
        await self.publisher.publish([_outgoing(body) for _, body in ready])
        async with self.db.write() as sql:
            await rejected.settle(sql, [row for row, _ in ready], rejected.PUT_BACK, "", self.clock())
        await self.prune()

    async def _rows(self, names: Sequence[str]) -> list[Any]:
        async with self.db.read() as sql:
            ids = [await self._full(sql, name.strip().lower()) for name in dict.fromkeys(names)]
            found = await rejected.known(sql, ids)
        for id in ids:
            if found[id].mended_at is not None:
                raise NotFound(f"the rejected message {id} was dealt with already: {_rejected(found[id]).fate}")
        return [found[id] for id in ids]

    @staticmethod
    async def _full(sql: Any, name: str) -> str:
        several = await rejected.beginning(sql, name, 2) if len(name) >= SHORTEST_ID else []
        if not several:
            raise NotFound(f"there is no rejected message {name!r}: `sync-system rejected list` shows their ids")
        if len(several) > 1:
            raise NotFound(f"several rejected messages begin with {name!r}: write more of the id")
        return several[0]


def _outgoing(body: bytes) -> Outgoing:
    event = decode(body)
    return Outgoing(EVENTS, routing_key(event.source, event.object, event.verb), body, message_id=event.id)


def _pointed(body: bytes) -> str | None:
    """Return the event that a message of the rejected queue points at, None for one that is no pointer."""
    try:
        return str(orjson.loads(body)["event"])
    except (ValueError, TypeError, KeyError):
        return None


def _rejected(row: Any) -> Rejected:
    fate = ": ".join([row.decisions[0][0], *row.decisions[0][1]]) if row.decisions else ""
    return Rejected(
        row.id, row.source, row.object, row.verb, row.external_id, row.received_at, row.error or "",
        (row.payload or {}).get("body", ""), row.mended_at, fate,
    )  # fmt: skip
