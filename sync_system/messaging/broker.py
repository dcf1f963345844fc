"""The connection to RabbitMQ for publishing: confirmed, mandatory, reopened when it breaks."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError, DeliveryError, PublishError

from sync_system.errors import BrokerUnavailable, PublishRefused
from sync_system.messaging.envelope import CONTENT_TYPE
from sync_system.messaging.topology import QUORUM, Topology

CONNECT_SECONDS = 10.0
CONFIRM_SECONDS = 30.0
# AMQPError covers what the broker says, the connection exceptions what the network does.
BROKEN = (AMQPError, *CONNECTION_EXCEPTIONS, asyncio.TimeoutError, aio_pika.exceptions.ChannelInvalidStateError)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. `exchange` "" sends to the queue named by `key`."""

    exchange: str
    key: str
    body: bytes
    message_id: str | None = None
    persistent: bool = True
    mandatory: bool = True


async def connect(url: str, topology: Topology) -> AbstractConnection:
    """Open a connection and declare the topology; raise BrokerUnavailable."""
    try:
        connection = await aio_pika.connect(url, timeout=CONNECT_SECONDS)
    except BROKEN as exc:
        raise BrokerUnavailable(f"RabbitMQ does not answer: {describe(exc)}") from exc
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await declare(connection, topology)
    except BROKEN as exc:
        await connection.close()
        raise BrokerUnavailable(f"RabbitMQ refuses the topology: {describe(exc)}") from exc
    return connection


async def declare(connection: AbstractConnection, topology: Topology) -> None:
    """Declare exchanges, queues and bindings; what stands already is left as it is."""
    channel = await connection.channel()
    for exchange in topology.exchanges:
        await channel.declare_exchange(exchange.name, exchange.type, durable=exchange.durable)
    for queue in topology.queues:
        declared = await channel.declare_queue(queue.name, durable=True, arguments=dict(QUORUM))
        for key in queue.keys:
            await declared.bind("sync.events", key)
    await channel.close()


def describe(exc: BaseException) -> str:
    """Return what an exception says, or its kind if it says nothing."""
    return str(exc) or type(exc).__name__


class Publisher:
    """Publishes with confirms on one channel; the channel is opened anew after any failure.

    After a queue has lost its leader the broker may refuse everything on a channel until it is reopened.
    """

    def __init__(self, url: str, topology: Topology) -> None:
        self._url, self._topology = url, topology
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._opening = asyncio.Lock()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish messages and wait until all are confirmed; raise BrokerUnavailable if any is not.

        All or none is not promised: what was confirmed before a failure is published.
        """
        if not messages:
            return
        channel = await self._open()
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await asyncio.gather(*(self._send(channel, message) for message in messages))
        except (DeliveryError, PublishError) as exc:
            await self._drop(channel)
            raise PublishRefused(f"RabbitMQ did not take a message: {describe(exc)}") from exc
        except BROKEN as exc:
            await self._drop(channel)
            raise BrokerUnavailable(f"the connection to RabbitMQ broke: {describe(exc)}") from exc

    async def _send(self, channel: AbstractChannel, outgoing: Outgoing) -> None:
        exchange = self._exchanges.get(outgoing.exchange)
        if exchange is None:
            exchange = channel.default_exchange
            if outgoing.exchange:
                exchange = await channel.get_exchange(outgoing.exchange, ensure=False)
            self._exchanges[outgoing.exchange] = exchange
        message = aio_pika.Message(
            outgoing.body,
            content_type=CONTENT_TYPE,
            message_id=outgoing.message_id,
            delivery_mode=2 if outgoing.persistent else 1,
        )
        await exchange.publish(message, routing_key=outgoing.key, mandatory=outgoing.mandatory)

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                connection = self._connection or await self._connect()
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                except BROKEN as exc:
                    await self._forget(connection)
                    raise BrokerUnavailable(f"RabbitMQ opens no channel: {describe(exc)}") from exc
                self._exchanges.clear()
            return self._channel

    async def _connect(self) -> AbstractConnection:
        """Open a connection that is forgotten once it is lost: aio-pika's `is_closed` tells of our own `close` alone."""
        connection = self._connection = await connect(self._url, self._topology)
        connection.close_callbacks.add(lambda *_: self._lose(connection))
        return connection

    def _lose(self, connection: AbstractConnection) -> None:
        if self._connection is connection:
            self._connection = self._channel = None

    async def _forget(self, connection: AbstractConnection) -> None:
        self._lose(connection)
        await _end(connection.close())

    async def _drop(self, channel: AbstractChannel) -> None:
        """Close a channel without waiting for a broker that may be gone; one that others have opened since stays."""
        if self._channel is channel:
            self._channel = None
        if not channel.is_closed:
            await _end(channel.close())

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._forget(self._connection)


async def _end(closing: Awaitable[None]) -> None:
    """Let something be closed, for a second at most; what it says of a connection that is gone is no news."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=1)
    if task.done() and not task.cancelled():
        task.exception()
