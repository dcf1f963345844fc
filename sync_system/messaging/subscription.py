"""A queue's messages as they come, on pika: a third of what aio-pika's bare channel takes to hand one over.

It does not reconnect: whoever holds a subscription is told once when it is lost, and opens another.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from sync_system.errors import BrokerUnavailable

CLOSE_SECONDS = 5.0
PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it arrived. `deliveries`: how often the broker has handed it out before. `tag`: acknowledges it."""

    body: bytes
    deliveries: int
    tag: int = 0


Receive = Callable[[Incoming], None]
Lose = Callable[[BaseException], None]


class Subscription:
    """One consuming channel on a connection of its own."""

    def __init__(self, queue: str, prefetch: int, receive: Receive, lose: Lose) -> None:
        self._queue, self._prefetch, self._receive, self._lose = queue, prefetch, receive, lose
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._cancelled: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._connection: Any = None
        self._channel: Any = None
        self._tag = ""

    @classmethod
    async def open(cls, url: str, queue: str, prefetch: int, receive: Receive, lose: Lose) -> Self:
        """Connect and consume; raise BrokerUnavailable."""
        self = cls(queue, prefetch, receive, lose)
        self._connection = AsyncioConnection(
            parameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_channel),
            on_open_error_callback=lambda _, exc: self._on_close(exc),
            on_close_callback=lambda _, exc: self._on_close(exc),
            custom_ioloop=asyncio.get_running_loop(),
        )
        try:
            await self._opened
        except BaseException:
            await self.close()
            raise
        return self

    def acknowledge(self, tag: int) -> None:
        """Acknowledge every message up to this one; if that cannot be said any more, the subscription is lost."""
        try:
            self._channel.basic_ack(tag, multiple=True)
        except AMQPError as exc:
            self._lost(exc)

    async def cancel(self) -> None:
        """Take no more messages; those that came can still be acknowledged."""
        if self._channel.is_open:
            self._channel.basic_cancel(self._tag, lambda _: self._cancelled.set_result(None))
            await self._cancelled

    async def close(self) -> None:
        """Close the connection; what was not acknowledged goes back to the queue."""
        if not self._connection.is_closed:
            if not self._connection.is_closing:
                self._connection.close()
            closing = asyncio.ensure_future(self._closed.wait())
            await asyncio.wait([closing], timeout=CLOSE_SECONDS)
            closing.cancel()

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, exc: self._lost(exc))
        channel.add_on_cancel_callback(lambda _: self._lost(BrokerUnavailable("the broker ended the consumer")))
        channel.basic_qos(prefetch_count=self._prefetch, callback=self._consume)

    def _consume(self, _: Any) -> None:
        self._tag = self._channel.basic_consume(self._queue, self._on_message, callback=self._on_consuming)

    def _on_consuming(self, _: Any) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_message(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        headers = properties.headers
        count = headers.get("x-delivery-count", 0) if headers else 0
        self._receive(Incoming(body, count if isinstance(count, int) else 0, method.delivery_tag))

    def _on_close(self, exc: BaseException) -> None:
        self._closed.set()
        self._lost(exc)

    def _lost(self, exc: BaseException) -> None:
        lost = BrokerUnavailable(f"the connection to RabbitMQ broke: {exc or type(exc).__name__}")
        if not self._cancelled.done():
            self._cancelled.set_result(None)
        if self._opened.done():
            self._lose(lost)
        else:
            self._opened.set_exception(lost)


def parameters(url: str) -> Any:
    """Return pika's form of the address that aio-pika takes, with what both know of TLS and heartbeats."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return pika.ConnectionParameters(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or PORTS.get(parts.scheme, 5672),
        virtual_host=unquote(parts.path[1:]) or "/",
        credentials=pika.PlainCredentials(unquote(parts.username or "guest"), unquote(parts.password or "guest")),
        heartbeat=int(options["heartbeat"]) if "heartbeat" in options else None,
        ssl_options=pika.SSLOptions(_tls(options), parts.hostname) if parts.scheme == "amqps" else None,
    )


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.get("cafile"), capath=options.get("capath"))
    if "certfile" in options:
        context.load_cert_chain(options["certfile"], options.get("keyfile"))
    if options.get("no_verify_ssl", "0") not in {"0", "false"}:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
