"""Watches over the queues that this process reads: one that holds messages and gets nowhere is read anew.

After a broker's restart a consumer can stand on a queue that no longer knows it; nobody tells either of them.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from sync_system.errors import BrokerUnavailable, SyncError
from sync_system.messaging.consumer import Consumer
from sync_system.messaging.topology import Topology
from sync_system.services.status import QueueStatus, queues_status

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
STILL = 3
REBUILDS = 3


class QueueNotRead(SyncError):
    """Raised when a queue holds messages that this process does not get, however often it connects anew."""


class Watchdog:
    """Looks at the queues of some consumers, every `pause` seconds."""

    def __init__(
        self, consumers: Sequence[Consumer], url: str, topology: Topology, pause: float = LOOK_SECONDS
    ) -> None:
        self.consumers, self.url, self.topology = {one.queue: one for one in consumers}, url, topology
        self.pause = pause
        self._seen = dict.fromkeys(self.consumers, -1)
        self._still = dict.fromkeys(self.consumers, 0)
        self._rebuilt = dict.fromkeys(self.consumers, 0)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until told to stop; raise QueueNotRead, so that a supervisor starts the process anew."""
        stopping = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            await asyncio.wait([stopping], timeout=self.pause)
            try:
                queues = await queues_status(self.url, self.topology)
            except BrokerUnavailable:  # the consumers notice as well, and come back by themselves
                continue
            self.judge({queue.name: queue for queue in queues})
        stopping.cancel()

    def judge(self, queues: Mapping[str, QueueStatus]) -> None:
        """Connect a consumer anew that got nothing for some looks although its queue holds something."""
        for name, consumer in self.consumers.items():
            if consumer.received != self._seen[name]:
                self._seen[name], self._rebuilt[name] = consumer.received, 0
                self._still[name] = 0
                continue
            if not queues[name].messages or consumer.busy or not consumer.connected.is_set():
                self._still[name] = 0
                continue
            self._still[name] += 1
            if self._still[name] >= STILL:
                self._rebuild(name, consumer, queues[name])

    def _rebuild(self, name: str, consumer: Consumer, queue: QueueStatus) -> None:
        self._still[name] = 0
        self._rebuilt[name] += 1
        log.warning("queue.not_read", queue=name, messages=queue.messages, consumers=queue.consumers)
        if self._rebuilt[name] > REBUILDS:
            raise QueueNotRead(f"{name} holds {queue.messages} messages, and none of them comes")
        consumer.reconnect()
