"""Replies kept under the caller's `Idempotency-Key`, so that a repeated request is answered and not carried out again."""

import hashlib
import time
from collections.abc import Awaitable, Callable

from fastapi import Request, Response

from sync_system.sandbox.application.refusals import Refusal
from sync_system.sandbox.application.store import Store

KEPT_FOR = 24 * 3600


class Replies:
    """The replies of the last day."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def once(self, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Answer a request, from memory if its key was seen with the same question."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return await answer()
        question = hashlib.sha256(f"{request.method} {request.url.path} ".encode() + await request.body()).hexdigest()
        known = self._store.query("select question, status, body from replies where key = ?", (key,))
        if not known:
            response = await answer()
            self._remember(key, question, response)
            return response
        asked, status, body = known[0]
        if asked != question:
            raise Refusal(422, "idempotency_mismatch", "this Idempotency-Key was used for another request")
        return Response(body, status, {"Idempotent-Replayed": "true"}, media_type="application/json")

    def _remember(self, key: str, question: str, response: Response) -> None:
        at = int(time.time())
        with self._store.transaction():
            self._store.query("delete from replies where at < ?", (at - KEPT_FOR,))
            row = (key, question, response.status_code, bytes(response.body).decode(), at)
            self._store.query("insert or replace into replies values (?, ?, ?, ?, ?)", row)
