"""Takes single messages out of a queue and leaves the others in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aio_pika.abc import AbstractIncomingMessage

from sync_system.errors import BrokerUnavailable
from sync_system.messaging.broker import BROKEN, CONFIRM_SECONDS, connect, describe
from sync_system.messaging.topology import Topology

MOST = 10_000  # messages that are read in one go


async def prune(
    url: str, topology: Topology, queue: str, unwanted: Callable[[Sequence[bytes]], Awaitable[Sequence[bool]]]
) -> int:
    """Take out the messages that `unwanted` marks; return how many. Raise BrokerUnavailable.

    All are read unacknowledged, so that an end in between puts all of them back: at most one too many stays.
    """
    connection = await connect(url, topology)
    try:
        async with asyncio.timeout(CONFIRM_SECONDS):
            channel = await connection.channel(publisher_confirms=False)
            declared = await channel.declare_queue(queue, passive=True)
            standing = min(declared.declaration_result.message_count or 0, MOST)
            read = [await declared.get(fail=False) for _ in range(standing)]
        messages: list[AbstractIncomingMessage] = [message for message in read if message is not None]
        marks = await unwanted([message.body for message in messages])
        async with asyncio.timeout(CONFIRM_SECONDS):
            for message, mark in zip(messages, marks, strict=True):
                await (message.ack() if mark else message.nack(requeue=True))
            await channel.close()
        return sum(marks)
    except BROKEN as exc:
        raise BrokerUnavailable(f"the queue {queue} could not be cleared: {describe(exc)}") from exc
    finally:
        await connection.close()
