"""The sender of webhooks: due changes become batches of events, signed, posted, and posted again when refused."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import random
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from sync_system.sandbox.crm.changes import events_of
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Store

FINAL = {400, 401, 403, 404, 405}  # answers that the vendor takes for a no
CHANGES_AT_ONCE = 500
TRIES = 10
DECODED = dict(
    zip(["3A", "2F", "3F", "40", "21", "24", "27", "28", "29", "2A", "2C", "3B"], ":/?@!$'()*,;", strict=True)
)


def signature(secret: str, method: str, url: str, body: bytes, at: int) -> str:
    """Return the third version of the vendor's signature; `at` in milliseconds."""
    message = method.encode() + _signed_form(url).encode() + body + str(at).encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


class Webhooks:
    """Posts what the store has to tell to one URL, until it is stopped."""

    def __init__(self, store: Store, settings: CrmSettings, url: str, secret: str) -> None:
        self._store, self._settings, self._url, self._secret = store, settings, url, secret
        self._random = random.Random(settings.seed)
        self._on_their_way: set[int] = set()

    async def run(self) -> None:
        """Send for ever."""
        limits = httpx.Limits(max_connections=self._settings.webhooks.concurrency)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as http, asyncio.TaskGroup() as group:
            while True:
                self._pack()
                for number, attempt, events in self._due():
                    self._on_their_way.add(number)
                    group.create_task(self._deliver(http, number, attempt, events))
                await asyncio.sleep(0.02)

    def _pack(self) -> None:
        due = self._store.query(
            "select id, change from changes where due_at <= ? order by due_at limit ?", (time.time(), CHANGES_AT_ONCE)
        )
        if not due:
            return
        events = [event for row, change in due for event in events_of(row, orjson.loads(change), self._settings)]
        with self._store.transaction():
            self._store.many("delete from changes where id = ?", [(row,) for row, _ in due])
            self._store.many(
                "insert into deliveries (due_at, attempt, events) values (?, 0, ?)",
                [(time.time(), orjson.dumps(batch).decode()) for batch in self._batches(events)],
            )

    def _batches(self, events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        hooks = self._settings.webhooks
        told = events + [event for event in events if self._random.random() < hooks.duplicated]
        if hooks.shuffled:
            self._random.shuffle(told)
        return [told[start : start + hooks.batch] for start in range(0, len(told), hooks.batch)]

    def _due(self) -> list[tuple[Any, ...]]:
        free = self._settings.webhooks.concurrency - len(self._on_their_way)
        rows = self._store.query(
            "select id, attempt, events from deliveries where due_at <= ? order by due_at limit 100", (time.time(),)
        )
        return [row for row in rows if row[0] not in self._on_their_way][: max(0, free)]

    async def _deliver(self, http: httpx.AsyncClient, number: int, attempt: int, events: str) -> None:
        body = orjson.dumps([event | {"attemptNumber": attempt} for event in orjson.loads(events)])
        at = time.time_ns() // 1_000_000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Webhooks Connect",
            "X-HubSpot-Request-Timestamp": str(at),
            "X-HubSpot-Signature-v3": signature(self._secret, "POST", self._url, body, at),
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Signature": hashlib.sha256(self._secret.encode() + body).hexdigest(),
        }
        reply: httpx.Response | None = None
        with contextlib.suppress(httpx.HTTPError):
            reply = await http.post(self._url, content=body, headers=headers, timeout=self._settings.webhooks.timeout)
        self._settle(number, attempt, reply)
        self._on_their_way.discard(number)

    def _settle(self, number: int, attempt: int, reply: httpx.Response | None) -> None:
        schedule = self._settings.webhooks.schedule
        heard = reply is not None and (reply.is_success or reply.status_code in FINAL)
        if heard or attempt >= TRIES or attempt >= len(schedule):
            self._store.query("delete from deliveries where id = ?", (number,))
            return
        asked = reply.headers.get("Retry-After", "") if reply is not None and reply.status_code == 429 else ""
        pause = float(asked) if asked.isdecimal() else schedule[attempt]
        self._store.query(
            "update deliveries set attempt = ?, due_at = ? where id = ?", (attempt + 1, time.time() + pause, number)
        )


def _signed_form(url: str) -> str:
    parts = urlsplit(url)
    query = parts.query
    for escape, letter in DECODED.items():
        query = query.replace(f"%{escape}", letter)
    return parts._replace(query=query, fragment="").geturl()
