"""Reads a system's event queue by the batch and takes it in; acknowledged once it is committed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consumers.hints import Hints
from sync_system.errors import LedgerUnavailable
from sync_system.messaging.broker import Publisher
from sync_system.messaging.consumer import SUSPECT_AFTER, Consumer
from sync_system.messaging.subscription import Incoming
from sync_system.messaging.topology import Topology, events_queue
from sync_system.services.ingest import Ingest, Ingested

log = structlog.get_logger(__name__)

LEDGER_RETRY_SECONDS = 1.0
# Tried alone this many times without an end, a message ends its worker. How often the broker has handed it out says
# nothing of that: every message that a dead worker held has come back as often.
LONE_TRIES = 5


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """`batch`: messages at most; `linger`: seconds to wait for more; `in_flight`: batches at once."""

    batch: int = 200
    linger: float = 0.02
    in_flight: int = 2


class IntakeConsumer:
    """The intake of one system."""

    def __init__(self, system: str, ingest: Ingest, publisher: Publisher, hints: Hints) -> None:
        self.system, self.ingest, self.publisher, self.hints = system, ingest, publisher, hints

    def consumer(self, url: str, topology: Topology, settings: IntakeSettings) -> Consumer:
        """Return what reads the queue."""
        return Consumer(
            url,
            topology,
            events_queue(self.system),
            self.handle,
            settings.batch,
            settings.linger,
            settings.in_flight,
        )

    async def handle(self, messages: Sequence[Incoming]) -> None:
        """Take in a batch; returns when it is safe."""
        ingested = await self._take(messages)
        if ingested.rejected:
            await self.publisher.publish([r.pointer() for r in ingested.rejected])
        for refused in ingested.rejected:
            log.warning("event.rejected", system=self.system, id=refused.id, reason=refused.reason)
        await self.hints.send("records", ingested.taken.destinations)
        log.info("events.taken_in", system=self.system, messages=len(messages), **ingested.taken.outcomes)

    async def _take(self, messages: Sequence[Incoming]) -> Ingested:
        """Wait for a database that is away: the messages stay where they are meanwhile."""
        alone = messages[0] if len(messages) == 1 and messages[0].deliveries > SUSPECT_AFTER else None
        tried = None
        while True:
            try:
                if alone is not None:
                    # Once, however long the database is away: only a try that ended its worker is one too many.
                    tried = await self.ingest.note_try(self.system, alone.body) if tried is None else tried
                    return await self._take_alone(alone, tried)
                return await self.ingest.take(self.system, [m.body for m in messages])
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", system=self.system, error=str(exc), retry_in=LEDGER_RETRY_SECONDS)
                await asyncio.sleep(LEDGER_RETRY_SECONDS)

    async def _take_alone(self, message: Incoming, tried: int) -> Ingested:
        """Take in a message that was handed out often, and tried alone before: it may be what kills the worker."""
        if tried >= LONE_TRIES:
            return await self._reject(message, f"tried alone {tried} times and never taken in: it ends its worker")
        try:
            ingested = await self.ingest.take(self.system, [message.body])
        except LedgerUnavailable:
            raise
        except Exception as exc:
            log.exception("event.poisonous", system=self.system, deliveries=message.deliveries)
            return await self._reject(message, f"cannot be taken in: {type(exc).__name__}: {exc}")
        await self.ingest.clear_tries(self.system, message.body)
        return ingested

    async def _reject(self, message: Incoming, reason: str) -> Ingested:
        ingested = await self.ingest.take(self.system, [])
        ingested.rejected.append(await self.ingest.reject(self.system, message.body, reason))
        await self.ingest.clear_tries(self.system, message.body)
        return ingested
