"""The bare batcher's process: consume, validate, insert, one bulk call, update, acknowledge. Nothing else.

No merge, no links, no duplicates found, no retry, no rejected queue, no reconnection: the least that could be called
the same work, as fast as the same broker client, HTTP client and database allow.
"""

import asyncio
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import aio_pika
import httpx
import orjson
import uvloop
from aiormq.abc import AbstractChannel, DeliveredMessage
from pydantic import BaseModel, Field

from benchmarks.child import obey
from benchmarks.rows import Rows, open_rows

BATCH = 200
LINGER_SECONDS = 0.05


class Lead(BaseModel):
    """A lead in the application's names."""

    firstName: Annotated[str, Field(max_length=100)]  # noqa: N815
    lastName: Annotated[str, Field(max_length=100)]  # noqa: N815
    email: Annotated[str, Field(max_length=254)]
    phone: Annotated[str, Field(max_length=40)]
    company: str | None = None
    jobTitle: str | None = None  # noqa: N815
    city: str | None = None
    country: str | None = None
    stage: Literal["N", "C", "Q", "W"]
    notes: str | None = None


class LeadEvent(BaseModel):
    """A lead event."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Lead


@dataclass(slots=True)
class Batch:
    """The messages of one bulk call, and whether all is done with them."""

    messages: list[DeliveredMessage]
    done: bool = False


@dataclass(slots=True)
class Batcher:
    """`in_flight`: batches at once; `url`: of the bulk endpoint."""

    rows: Rows
    channel: AbstractChannel
    client: httpx.AsyncClient
    url: str
    in_flight: int
    buffer: deque[DeliveredMessage] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    batches: deque[Batch] = field(default_factory=deque)

    async def run(self, queue: str, stop: asyncio.Event) -> None:
        """Consume until told to stop."""
        await self.channel.basic_consume(queue, self.receive)
        async with asyncio.TaskGroup() as group:
            pumping = group.create_task(self.pump(group))
            await stop.wait()
            pumping.cancel()

    async def receive(self, message: DeliveredMessage) -> None:
        """Take one message."""
        self.buffer.append(message)
        self.arrived.set()
        if len(self.buffer) >= BATCH:
            self.full.set()

    async def pump(self, group: asyncio.TaskGroup) -> None:
        """Cut batches and start them."""
        slots = asyncio.Semaphore(self.in_flight)
        while True:
            await slots.acquire()
            await self.fill()
            batch = Batch([self.buffer.popleft() for _ in range(min(BATCH, len(self.buffer)))])
            self.batches.append(batch)
            group.create_task(self.carry(batch)).add_done_callback(lambda _: slots.release())

    async def fill(self) -> None:
        """Wait for a first message, then for a whole batch or the end of the linger."""
        self.arrived.clear()
        self.full.clear()
        if not self.buffer:
            await self.arrived.wait()
        if len(self.buffer) < BATCH:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.full.wait(), LINGER_SECONDS)

    async def carry(self, batch: Batch) -> None:
        """Bring one batch from the queue to the CRM."""
        events = [LeadEvent.model_validate_json(message.body) for message in batch.messages]
        await self.rows.insert(
            [(e.id, e.subject, m.body.decode()) for e, m in zip(events, batch.messages, strict=True)]
        )
        items = [{"key": e.id, "lead": e.data.model_dump()} for e in events]
        reply = await self.client.post(self.url, content=orjson.dumps({"items": items}))
        results: list[dict[str, Any]] = orjson.loads(reply.raise_for_status().content)["results"]
        await self.rows.update([(r["id"], e.id) for r, e in zip(results, events, strict=True) if r["ok"]])
        batch.done = True
        await self.acknowledge()

    async def acknowledge(self) -> None:
        """Acknowledge up to the last batch before the first that is not done."""
        last = None
        while self.batches and self.batches[0].done:
            last = self.batches.popleft()
        if last is not None:
            await self.channel.basic_ack(last.messages[-1].delivery_tag or 0, multiple=True)


async def main(broker: str, queue_name: str, database: str, url: str, in_flight: int, *, profile: bool) -> None:
    """Open everything, then obey."""
    rows = await open_rows(database, in_flight)
    connection = await aio_pika.connect(broker)
    opened = await connection.channel(publisher_confirms=False)
    await opened.set_qos(prefetch_count=BATCH * (in_flight + 1))
    # The raw channel, as the service takes it: aio-pika's own message objects cost as much again as the message.
    channel = await opened.get_underlay_channel()
    async with httpx.AsyncClient(headers={"content-type": "application/json"}, timeout=30) as client:
        batcher = Batcher(rows, channel, client, url, in_flight)
        await obey(lambda stop: batcher.run(queue_name, stop), {}, profile=profile)
    await connection.close()
    await rows.aclose()


if __name__ == "__main__":
    broker, queue_name, database, url, in_flight, *rest = sys.argv[1:]
    uvloop.run(main(broker, queue_name, database, url, int(in_flight), profile="profile" in rest))
