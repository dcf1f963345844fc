"""Publishing at a rate that does not become the measurement: pika on the running loop, many confirms outstanding."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from benchmarks.leads import Message

EXCHANGE = "sync.events"
WINDOW = 2_000
PERSISTENT = 2


class NotPublished(Exception):
    """Raised when the broker did not take a message."""


class Publishing:
    """One confirming channel."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._unconfirmed: dict[int, None] = {}
        self._tag = 0
        self._moved = asyncio.Event()
        self._problem: str | None = None
        self._connection: Any = None
        self._channel: Any = None

    @classmethod
    async def open(cls, url: str) -> "Publishing":
        """Connect to the broker."""
        self = cls()
        self._connection = AsyncioConnection(
            pika.URLParameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_channel),
            on_open_error_callback=lambda _, exc: self._opened.set_exception(exc),
            custom_ioloop=asyncio.get_running_loop(),
        )
        await self._opened
        return self

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_return_callback(lambda *_: self._fail("no queue takes it"))
        channel.add_on_close_callback(lambda _, exc: self._fail(str(exc)))
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._opened.set_result(None))

    def _fail(self, problem: str) -> None:
        self._problem = problem
        self._moved.set()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if isinstance(method, pika.spec.Basic.Nack):
            self._fail("the broker refuses it")
        elif method.multiple:
            for tag in [tag for tag in self._unconfirmed if tag <= method.delivery_tag]:
                del self._unconfirmed[tag]
        else:
            self._unconfirmed.pop(method.delivery_tag, None)
        self._moved.set()

    def send(self, message: Message) -> None:
        """Publish one message; `confirmed` tells when it is safe."""
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=PERSISTENT, message_id=message.id
        )
        self._tag += 1
        self._unconfirmed[self._tag] = None
        self._channel.basic_publish(EXCHANGE, message.key, message.body, properties, mandatory=True)

    async def confirmed(self, left: int = 0) -> None:
        """Wait until at most `left` messages are unconfirmed; raise NotPublished."""
        while len(self._unconfirmed) > left and self._problem is None:
            self._moved.clear()
            await self._moved.wait()
        if self._problem is not None:
            raise NotPublished(f"a message was not published: {self._problem}")

    async def fill(self, messages: Iterable[Message]) -> None:
        """Publish all, and wait until all are confirmed."""
        for number, message in enumerate(messages):
            self.send(message)
            if number % 100 == 0:
                await self.confirmed(WINDOW)
                await asyncio.sleep(0)
        await self.confirmed()

    def close(self) -> None:
        """Close the connection, without waiting for the broker's good-bye."""
        self._problem = "closed"
        self._connection.close()
