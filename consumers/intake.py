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
# Tried alone this many times, a message that still kills or breaks its worker is rejected.
HOPELESS_AFTER = 2 * SUSPECT_AFTER


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
        while True:
            try:
                if alone is not None:
                    return await self._take_alone(alone)
                return await self.ingest.take(self.system, [m.body for m in messages])
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", system=self.system, error=str(exc), retry_in=LEDGER_RETRY_SECONDS)
                await asyncio.sleep(LEDGER_RETRY_SECONDS)

    async def _take_alone(self, message: Incoming) -> Ingested:
        """Take in a message that was handed out often: it may be what kills the worker."""
        if message.deliveries > HOPELESS_AFTER:
            reason = f"handed out {message.deliveries} times and never taken in: it ends its worker"
            return await self._reject(message, reason)
        try:
            return await self.ingest.take(self.system, [message.body])
        except LedgerUnavailable:
            raise
        except Exception as exc:
            log.exception("event.poisonous", system=self.system, deliveries=message.deliveries)
            return await self._reject(message, f"cannot be taken in: {type(exc).__name__}: {exc}")

    async def _reject(self, message: Incoming, reason: str) -> Ingested:
        ingested = await self.ingest.take(self.system, [])
        ingested.rejected.append(await self.ingest.reject(self.system, message.body, reason))
        return ingested
