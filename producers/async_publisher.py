"""The async twin of the LeadPublisher, for asyncio applications and for what sync-system itself imports."""

import asyncio
import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelNotFoundEntity,
    DeliveryError,
    ProbableAuthenticationError,
)
from aio_pika.exceptions import PublishError as Returned
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed

from producers.lead_publisher import CONTENT_TYPE, FIRST_PAUSE, LONGEST_PAUSE, Change
from sync_system.errors import BrokerUnavailable, PublishRefused

AT_ONCE = 500  # messages without a confirm; more gains nothing
# At every try the same: wrong credentials, no permission, no such virtual host, no such exchange.
REFUSALS = (
    AuthenticationError,
    ProbableAuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ConnectionNotAllowed,
)
LOST = (*CONNECTION_EXCEPTIONS, TimeoutError)

log = logging.getLogger(__name__)


class AsyncLeadPublisher(AbstractAsyncContextManager["AsyncLeadPublisher"]):
    """Publishes lead events from an event loop, in the words of the LeadPublisher.

    `tries`: how often one batch is tried, with pauses that grow to 4 s. `timeout`: seconds for connecting, and for the
    confirm of one message. Raises PublishRefused where another try cannot help, else BrokerUnavailable.
    """

    def __init__(
        self,
        url: str,
        source: str,
        *,
        object: str = "lead",
        exchange: str = "sync.events",
        tries: int = 8,
        timeout: float = 30.0,
    ) -> None:
        self._url, self._source, self._object, self._name = url, source, object, exchange
        self._tries, self._timeout = tries, timeout
        self._lock = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            await connection.close()

    async def created(self, id: str | int, data: Mapping[str, Any], time: datetime | None = None) -> str:
        """Publish that a row was created, with all that is known of it; return the event's id."""
        return (await self.publish_many([Change("created", id, data, time or datetime.now(UTC))]))[0]

    async def updated(
        self, id: str | int, data: Mapping[str, Any], time: datetime | None = None, *, whole_row: bool = False
    ) -> str:
        """Publish what changed in a row, or with `whole_row` how it stands now; return the event's id."""
        return (await self.publish_many([Change("updated", id, data, time or datetime.now(UTC), whole_row)]))[0]

    async def deleted(self, id: str | int, time: datetime | None = None) -> str:
        """Publish that a row was deleted; return the event's id."""
        return (await self.publish_many([Change("deleted", id, None, time or datetime.now(UTC))]))[0]

    async def publish_many(self, changes: Iterable[Change]) -> list[str]:
        """Publish many changes, 500 in flight; return the events' ids. To repeat them after an error is harmless."""
        ids: list[str] = []
        rest = iter(changes)
        while batch := list(islice(rest, AT_ONCE)):
            await self._deliver(batch)
            ids += [change.event_id for change in batch]
        return ids

    async def _deliver(self, changes: Sequence[Change]) -> None:
        """Publish until all is confirmed; what a broken connection left open goes again over a new one."""
        cause: BaseException | None = None
        for attempt in range(self._tries):
            await asyncio.sleep(_pause(attempt))
            try:
                changes, cause = await self._try(changes)
            except REFUSALS as exc:
                raise PublishRefused(f"RabbitMQ refuses: {exc!r}") from exc
            except LOST as exc:
                cause = exc
            if not changes:
                return
            log.warning("RabbitMQ did not take all, try %d of %d: %r", attempt + 1, self._tries, cause)
            await self._drop()
        raise BrokerUnavailable(f"RabbitMQ did not take {len(changes)} events, the last time: {cause!r}") from cause

    async def _try(self, changes: Sequence[Change]) -> tuple[list[Change], BaseException | None]:
        """Publish all at once; return those without a confirm, and why one of them has none."""
        exchange = await self._connected()
        answers = await asyncio.gather(*(self._send(exchange, change) for change in changes), return_exceptions=True)
        still: list[Change] = []
        cause: BaseException | None = None
        for change, answer in zip(changes, answers, strict=True):
            if isinstance(answer, Returned):
                key = f"{self._source}.{self._object}.{change.verb}"
                raise PublishRefused(f"exchange {self._name!r} has no queue for {key}") from answer
            if isinstance(answer, BaseException):
                if not isinstance(answer, (*LOST, DeliveryError)):
                    raise answer
                still.append(change)
                cause = answer
        return still, cause

    async def _send(self, exchange: AbstractExchange, change: Change) -> None:
        message = aio_pika.Message(
            change.encode(self._source, self._object),
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=change.event_id,
        )
        key = f"{self._source}.{self._object}.{change.verb}"
        await exchange.publish(message, key, mandatory=True, timeout=self._timeout)

    async def _connected(self) -> AbstractExchange:
        """Return the exchange of the open connection, after opening one if there is none."""
        async with self._lock:
            if self._exchange is None or self._connection is None or self._connection.is_closed:
                self._connection = await aio_pika.connect(self._url, timeout=self._timeout)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._exchange = await channel.get_exchange(self._name, ensure=True)
            return self._exchange

    async def _drop(self) -> None:
        """Give up a connection that failed: after a lost leader its channel may go on refusing."""
        async with self._lock:
            try:
                await asyncio.wait_for(self.aclose(), self._timeout)
            except LOST as exc:
                log.info("closing a broken connection failed: %r", exc)


def _pause(attempt: int) -> float:
    """Return the seconds to wait before a try: none before the first, then growing ones with jitter."""
    return min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.75, 1.25) if attempt else 0.0
