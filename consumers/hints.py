"""Hints: messages that say where there is something to do. They may be lost; the work they speak of may not."""

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson
import structlog
from aio_pika.abc import AbstractIncomingMessage

from sync_system.errors import BrokerUnavailable
from sync_system.messaging.broker import BROKEN, Outgoing, Publisher, connect, describe
from sync_system.messaging.topology import HINTS, Topology

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 1.0


class Hints:
    """Sends hints, and wakes what waits for them in this process: one event a destination."""

    def __init__(self, url: str, topology: Topology, publisher: Publisher, destinations: Iterable[str]) -> None:
        self._url, self._topology, self._publisher = url, topology, publisher
        self.wake = {name: asyncio.Event() for name in destinations}

    async def send(self, topic: str, destinations: Iterable[str]) -> None:
        """Hint that something was committed for these destinations; here at once, elsewhere through the broker."""
        names = sorted(destinations)
        for name in names:
            self._wake(name)
        if not names:
            return
        body = orjson.dumps({"topic": topic, "destinations": names})
        try:
            await self._publisher.publish([Outgoing(HINTS, "", body, persistent=False, mandatory=False)])
        except BrokerUnavailable as exc:
            log.debug("hint.lost", topic=topic, error=str(exc))

    def _wake(self, name: str) -> None:
        if name in self.wake:
            self.wake[name].set()

    async def listen(self, stop: asyncio.Event) -> None:
        """Wake what waits here when another process has something for it."""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except (BrokerUnavailable, *BROKEN) as exc:
                log.debug("hints.interrupted", error=describe(exc))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await connect(self._url, self._topology)
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def close(*_: object) -> None:
            if not closed.done():
                closed.set_result(None)

        connection.close_callbacks.add(close)
        try:
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True, auto_delete=True)
            await queue.bind(HINTS)
            await queue.consume(self._receive, no_ack=True)
            waiting: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
            await asyncio.wait([waiting, closed], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        finally:
            await connection.close()

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        for name in orjson.loads(message.body).get("destinations", []):
            self._wake(name)
