"""Reads what stands in a queue now, and no more: for work that is done at the ticks of a clock."""

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from sync_system.messaging.broker import connect
from sync_system.messaging.topology import Topology

BATCH = 500
WAIT_SECONDS = 10.0


async def drain(url: str, topology: Topology, queue: str, take: Callable[[list[bytes]], Awaitable[None]]) -> int:
    """Hand the queue's messages to `take` by the batch, acknowledged once it returns; return how many there were."""
    connection = await connect(url, topology)
    try:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=BATCH)
        declared = await channel.declare_queue(queue, passive=True)
        left = declared.declaration_result.message_count or 0
        total = left
        while left > 0:
            messages = await _read(declared, min(left, BATCH))
            if not messages:
                break
            await take([m.body for m in messages])
            await messages[-1].ack(multiple=True)
            left -= len(messages)
        return total - left
    finally:
        await connection.close()


async def _read(queue: AbstractQueue, count: int) -> list[AbstractIncomingMessage]:
    """Consume exactly so many messages; fewer if another reader was quicker."""
    messages: list[AbstractIncomingMessage] = []
    full = asyncio.Event()

    async def receive(message: AbstractIncomingMessage) -> None:
        if len(messages) < count:
            messages.append(message)
        else:
            await message.nack(requeue=True)
        if len(messages) >= count:
            full.set()

    async with asyncio.timeout(WAIT_SECONDS):
        tag = await queue.consume(receive)
    waiting = asyncio.ensure_future(full.wait())
    await asyncio.wait([waiting], timeout=1.0)
    waiting.cancel()
    async with asyncio.timeout(WAIT_SECONDS):
        await queue.cancel(tag)
    return messages
