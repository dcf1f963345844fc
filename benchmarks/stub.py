"""Both systems' bulk endpoints, as the application contract has them: they answer after a while and keep nothing.

Run as a process of its own. It counts, and remembers when each lead came first, by its email.
"""

import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import orjson
import uvloop

END_OF_HEAD = b"\r\n\r\n"


class Counts:
    """What arrived, over all connections."""

    def __init__(self) -> None:
        self.ids = count(1)
        self.calls: Counter[str] = Counter()
        self.came: dict[str, dict[str, int]] = {}
        self.again: Counter[str] = Counter()
        self.in_flight = self.most = 0

    def write(self, side: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Take in the items of one bulk call."""
        now, came = time.monotonic_ns(), self.came.setdefault(side, {})
        at = datetime.now(UTC).isoformat()
        self.calls[side] += 1
        for item in items:
            email = item["lead"].get("email")
            if "id" in item or email in came:
                self.again[side] += 1
            came.setdefault(email, now)
        return {"results": [self._result(item, at) for item in items]}

    def _result(self, item: dict[str, Any], at: str) -> dict[str, Any]:
        id = item.get("id") or str(next(self.ids))
        etag = f'"{id}-1"'
        row = {"key": item.get("key"), **item["lead"], "id": id, "etag": etag}
        row |= {"created_at": at, "updated_at": at, "deleted_at": None}
        return {"ok": True, "id": id, "created": "id" not in item, "etag": etag, "updated_at": at, "lead": row}

    def summary(self) -> dict[str, Any]:
        """Return the numbers by system."""
        return {
            "leads": {side: len(came) for side, came in self.came.items()},
            "again": self.again,
            "calls": self.calls,
            "most_in_flight": self.most,
        }


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, one request at a time: all that a bulk client needs."""

    transport: asyncio.Transport

    def __init__(self, counts: Counts, seconds: float) -> None:
        self.counts, self.seconds, self.data = counts, seconds, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self.data[:end])
        length = content_length(head)
        start = end + len(END_OF_HEAD)
        if len(self.data) - start < length:
            return
        body = bytes(self.data[start : start + length])
        del self.data[: start + length]
        method, path, _ = head.split(b" ", 2)
        self.answer(method.decode(), path.decode(), body)

    def answer(self, method: str, path: str, body: bytes) -> None:
        counts = self.counts
        if method == "GET":
            self.reply(counts.came if path == "/came" else counts.summary(), in_flight=0)
            return
        side = path.split("/")[1]
        counts.in_flight += 1
        counts.most = max(counts.most, counts.in_flight)
        reply = counts.write(side, orjson.loads(body)["items"])
        asyncio.get_running_loop().call_later(self.seconds, partial(self.reply, reply, in_flight=1))

    def reply(self, document: Any, *, in_flight: int) -> None:
        self.counts.in_flight -= in_flight
        body = orjson.dumps(document)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


def content_length(head: bytes) -> int:
    """Return how long the body is that follows these headers."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def main(port: int, seconds: float) -> None:
    """Serve until standard input ends."""
    loop, counts = asyncio.get_running_loop(), Counts()
    server = await loop.create_server(lambda: Connection(counts, seconds), "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
