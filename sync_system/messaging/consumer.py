"""Reading a queue by the batch: handed over in tasks of their own, acknowledged in order, once each is safe.

Supervises its own connection: aio-pika's robust one restores channels one after another without a time-out, and a
consume on a queue that has lost its leader hangs for ever.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from sync_system.errors import BrokerUnavailable, SyncError
from sync_system.messaging.broker import BROKEN, connect, describe
from sync_system.messaging.subscription import Incoming, Subscription
from sync_system.messaging.topology import Topology

log = structlog.get_logger(__name__)

CONSUME_SECONDS = 10.0
# How many lingers a batch that is not full waits while another is under way, which keeps the database busy anyhow.
PATIENCE = 10
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
# A message that came back this often is taken alone: if it is the one that kills the process, its neighbours pass.
SUSPECT_AFTER = 10


Handler = Callable[[Sequence[Incoming]], Awaitable[None]]


@dataclass(slots=True)
class _Batch:
    messages: list[Incoming]
    done: bool = False


@dataclass(slots=True)
class Consumer:
    """Reads one queue. `batch`: messages at most; `linger`: seconds to wait for more; `in_flight`: batches at once.

    `received`: messages that came since the start.
    """

    url: str
    topology: Topology
    queue: str
    handler: Handler
    batch: int = 200
    linger: float = 0.02
    in_flight: int = 2
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    received: int = 0
    _session: "_Session | None" = None

    @property
    def busy(self) -> bool:
        """Whether there is anything that came and is not acknowledged."""
        return self._session is not None and self._session.holds_something

    def reconnect(self) -> None:
        """Give up the connection, and open another."""
        if self._session is not None:
            self._session.give_up()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until told to stop, through every loss of the connection."""
        failures = 0
        while not stop.is_set():
            session = self._session = _Session(self)
            try:
                await session.run(stop)
                failures = 0
            except (SyncError, *BROKEN) as exc:
                failures = 0 if session.worked else failures + 1
                delay = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                log.warning("consumer.interrupted", queue=self.queue, error=describe(exc), retry_in=delay)
                await _wait(stop, delay)
            finally:
                self.connected.clear()


class _Session:
    """One connection's worth of consuming."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.worked = False
        self._buffer: deque[Incoming] = deque()
        self._arrived = asyncio.Event()
        self._batches: deque[_Batch] = deque()
        self._slots = asyncio.Semaphore(consumer.in_flight)
        self._running: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, stop: asyncio.Event) -> None:
        consumer = self.consumer
        declaring = await connect(consumer.url, consumer.topology)
        await declaring.close()
        prefetch = consumer.batch * (consumer.in_flight + 1)
        async with asyncio.timeout(CONSUME_SECONDS):
            subscription = await Subscription.open(consumer.url, consumer.queue, prefetch, self._receive, self._break)
        try:
            consumer.connected.set()
            await self._pump(subscription, stop)
            async with asyncio.timeout(CONSUME_SECONDS):
                await subscription.cancel()
                await self._drain()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            await subscription.close()

    @property
    def holds_something(self) -> bool:
        return bool(self._buffer or self._batches)

    def give_up(self) -> None:
        self._break(BrokerUnavailable("the queue holds messages, and none of them came"))

    def _break(self, exc: BaseException) -> None:
        if not self._broken.done():
            self._broken.set_exception(exc)
            self._broken.exception()
        self._arrived.set()

    def _receive(self, message: Incoming) -> None:
        self.consumer.received += 1
        self._buffer.append(message)
        self._arrived.set()

    async def _pump(self, subscription: Subscription, stop: asyncio.Event) -> None:
        """Cut what arrives into batches and hand each to a task of its own."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                await self._take_slot(stopping)
                await self._fill(stopping)
                if self._broken.done():
                    self._broken.result()
                if stop.is_set():
                    return
                batch = _Batch(self._cut())
                self._batches.append(batch)
                task = asyncio.create_task(self._handle(batch, subscription))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        finally:
            stopping.cancel()

    async def _take_slot(self, stopping: asyncio.Future[Any]) -> None:
        """Wait until another batch may be under way; no longer than the connection and the will to go on last."""
        slot: asyncio.Future[Any] = asyncio.ensure_future(self._slots.acquire())
        await asyncio.wait([slot, stopping, self._broken], return_when=asyncio.FIRST_COMPLETED)
        if not slot.done():
            slot.cancel()

    async def _fill(self, stopping: asyncio.Future[Any]) -> None:
        """Wait for a first message, then for a full batch or the end of the linger; longer while others are under way."""
        while not self._buffer and not stopping.done() and not self._broken.done():
            self._arrived.clear()
            waiter: asyncio.Future[Any] = asyncio.ensure_future(self._arrived.wait())
            await asyncio.wait([waiter, stopping], return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
        if self._partial(stopping):
            await asyncio.sleep(self.consumer.linger)
        loop = asyncio.get_running_loop()
        patience = loop.time() + self.consumer.linger * PATIENCE
        while self._partial(stopping) and self._running and (left := patience - loop.time()) > 0:
            self._arrived.clear()
            waiting: asyncio.Future[Any] = asyncio.ensure_future(self._arrived.wait())
            await asyncio.wait([waiting, stopping, *self._running], timeout=left, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    def _partial(self, stopping: asyncio.Future[Any]) -> bool:
        """Whether it may be worth waiting for more: a batch costs the same statements full or not."""
        return len(self._buffer) < self.consumer.batch and not self._broken.done() and not stopping.done()

    def _cut(self) -> list[Incoming]:
        messages: list[Incoming] = []
        while self._buffer and len(messages) < self.consumer.batch:
            if self._buffer[0].deliveries > SUSPECT_AFTER:
                return messages or [self._buffer.popleft()]
            messages.append(self._buffer.popleft())
        return messages

    async def _handle(self, batch: _Batch, subscription: Subscription) -> None:
        try:
            if batch.messages:
                await self.consumer.handler(batch.messages)
            batch.done = self.worked = True
            self._acknowledge(subscription)
        except asyncio.CancelledError:
            self._break(BrokerUnavailable("a batch was cut off"))
            raise
        except BROKEN as exc:
            self._break(exc)
        except Exception as exc:
            log.exception("batch.failed", queue=self.consumer.queue, messages=len(batch.messages))
            self._break(BatchFailed(describe(exc)))
        finally:
            self._slots.release()

    def _acknowledge(self, subscription: Subscription) -> None:
        """Acknowledge, in order, up to the last batch before the first that is not safe yet."""
        last = None
        while self._batches and self._batches[0].done:
            batch = self._batches.popleft()
            last = batch.messages[-1] if batch.messages else last
        if last is not None and not self._broken.done():
            subscription.acknowledge(last.tag)

    async def _drain(self) -> None:
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)


class BatchFailed(SyncError):
    """Raised when a batch could not be taken in; its messages go back to the queue."""


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    waiter = asyncio.ensure_future(stop.wait())
    await asyncio.wait([waiter], timeout=seconds)
    waiter.cancel()
