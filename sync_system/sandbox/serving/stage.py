"""The stage in front of a pretend system: latency, ordered faults, and a line in the log for every call."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import orjson

from sync_system.sandbox.serving.calls import NO_REPLY, Call, CallLog, kind_of
from sync_system.sandbox.serving.faults import AFTER_COMMIT, BEFORE_COMMIT, Fault, Faults

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STATUS = {"unavailable": 503, "limited": 429, "expired_token": 401}
AGENTS_SIDE = "/sandbox/"


class Dialect(Protocol):
    """How a pretend system words an ordered failure."""

    def __call__(self, status: int, fault: Fault) -> dict[str, Any]:
        """Return the body of the reply."""
        ...


class Stage:
    """An ASGI application around another; requests to the agent's side pass untouched."""

    def __init__(self, app: App, log: CallLog, faults: Faults, dialect: Dialect, latency: Callable[[], float]) -> None:
        self._app, self._log, self.faults, self._dialect, self._latency = app, log, faults, dialect, latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or spoil the answer as ordered."""
        if scope["type"] != "http" or scope["path"].startswith(AGENTS_SIDE):
            await self._app(scope, receive, send)
            return
        call = Call(scope["method"], scope["path"], kind_of(scope["method"], scope["path"]))
        scope.setdefault("state", {})["call"] = call
        started = time.perf_counter()
        try:
            await self._play(call, scope, receive, _watched(call, send), send)
        finally:
            self._log.add(call, time.perf_counter() - started)

    async def _play(self, call: Call, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        slow = self.faults.strike(call, {"slow"})
        pause = self._latency() + (slow.seconds if slow else 0)
        if pause:
            await asyncio.sleep(pause)
        if before := self.faults.strike(call, BEFORE_COMMIT):
            await self._instead(before, receive, send, raw)
        elif after := self.faults.strike(call, AFTER_COMMIT):
            await self._spoiled(after, scope, receive, send, raw)
        else:
            await self._app(scope, receive, send)

    async def _instead(self, fault: Fault, receive: Receive, send: Send, raw: Send) -> None:
        if fault.kind == "hang_before":
            await _wait_for_hang_up(receive, fault.seconds)
        if fault.kind in {"drop", "hang_before"}:
            await _cut(raw)
            return
        status = STATUS.get(fault.kind, fault.status)
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        await reply(send, status, orjson.dumps(self._dialect(status, fault)), headers)

    async def _spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        said: list[Message] = []

        async def overhear(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, overhear)
        body = b"".join(message.get("body", b"") for message in said)
        if fault.kind == "malformed":
            await reply(send, said[0]["status"], body[: len(body) // 2], {})
            return
        if fault.kind == "drip":
            await _drip(said[0], body, send, fault.seconds)
            return
        if fault.kind == "hang_after":
            await _wait_for_hang_up(receive, fault.seconds)
        await _cut(raw)


async def reply(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Send a JSON body."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _drip(start: Message, body: bytes, send: Send, seconds: float) -> None:
    await send(start)
    for place in range(len(body)):
        await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": True})
        await asyncio.sleep(seconds / len(body))
    await send({"type": "http.response.body", "body": b""})


def _watched(call: Call, send: Send) -> Send:
    async def watch(message: Message) -> None:
        if message["type"] == "http.response.start":
            call.status = message["status"]
        await send(message)

    return watch


async def _wait_for_hang_up(receive: Receive, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _cut(raw: Send) -> None:
    # ASGI has no word for it: uvicorn's `send` is a method of the request's cycle, which knows its connection.
    cycle = getattr(raw, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise ConnectionError("this server cannot cut a connection")
    transport.abort()
    await asyncio.sleep(0)


__all__ = ["NO_REPLY", "Dialect", "Stage", "reply"]
