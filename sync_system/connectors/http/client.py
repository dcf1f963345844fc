"""The one way in which connectors speak HTTP: reads are repeated and raise, writes go out once and always answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import orjson
from tenacity import (
    AsyncRetrying,
    Future,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from sync_system.connectors.http.answers import Answer, Explain, error_of, retry_after
from sync_system.connectors.http.auth import Auth
from sync_system.connectors.http.excerpts import Redactor
from sync_system.connectors.protocol import Call, Gate, OpenGate, Told
from sync_system.connectors.times import now
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import SystemRefused, SystemUnavailable

TRIES = 3
FIRST_WAIT = 0.1
# A read waits no longer than this, in seconds, for what the system asks; its caller has better things to do.
LONGEST_WAIT = 2.0
# After a 429 that does not say for how long.
SHORTEST_REST = 1.0
LONGEST_BODY = 64 * 1024 * 1024
JSON = {"content-type": "application/json"}
# The transport's own word for the moment from which a system may have heard of a request.
SENDING = "http11.send_request_headers.started"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is appended to the system's address. `positions`: which writes of a batch it carries."""

    method: str
    path: str
    body: Any = None
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    positions: Sequence[int] = ()


class Http:
    """One system over HTTP.

    `explain` reads the system's own words for a failure; `codes` is its own table of error codes; `timeout` in seconds
    is for a whole call, connection and answer together. Every call passes the `gate`, which hears what the answer has
    `told` of the system's limits.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        auth: Auth,
        explain: Explain,
        *,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        codes: Mapping[str, OutcomeClass] | None = None,
        gate: Gate | None = None,
        told: Callable[[Answer], Told | None] | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self._gate, self._told = gate or OpenGate(), told or too_fast
        self._client, self._auth, self._explain, self._codes = client, auth, explain, codes
        self._base_url, self._timeout, self._clock = base_url.rstrip("/"), timeout, clock
        self._headers = {"accept": "application/json", **(headers or {})}

    async def write(self, request: Request) -> Answer:
        """Send a request and return what came back; never raises for what the system does.

        It goes out again, a few times, only where the system has surely done nothing.
        """
        calls: list[Call] = []

        async def once() -> Answer:
            answer = await self._write_once(request)
            calls.extend(answer.calls)
            return answer

        repeated = AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            retry=retry_if_result(self._passes_soon),
            wait=self._wait,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        return replace(cast("Answer", await repeated(once)), calls=tuple(calls))

    async def _write_once(self, request: Request) -> Answer:
        try:
            return await self._authenticated(request)
        except SystemUnavailable as exc:
            asked = {} if exc.retry_after is None else {"retry-after": str(exc.retry_after)}
            return Answer(calls=(), status=exc.status, headers=asked, problem=str(exc), sent=False)

    def _passes_soon(self, answer: Answer) -> bool:
        """Whether a write was surely not done, and may be in a moment."""
        if answer.status in {401, 403} or (answer.sent and answer.status not in NOT_DONE):
            return False
        return (self._explain(answer).retry_after or 0.0) <= LONGEST_WAIT

    def _wait(self, state: RetryCallState) -> float:
        asked = self._asked(state.outcome) if state.outcome else None
        return max(_backoff(state), asked or 0.0)

    def _asked(self, outcome: Future) -> float | None:
        failure = outcome.exception()
        if failure is None:
            return self._explain(outcome.result()).retry_after
        return failure.retry_after if isinstance(failure, SystemUnavailable) else None

    async def read(self, request: Request) -> Answer:
        """Send a request that changes nothing, a few times if need be; raise SystemUnavailable or SystemRefused."""
        repeated = AsyncRetrying(
            stop=stop_after_attempt(TRIES), retry=retry_if_exception(_passes), wait=self._wait, reraise=True
        )
        return await repeated(self._read_once, request)

    async def _read_once(self, request: Request) -> Answer:
        answer = await self._authenticated(request)
        if error := error_of(answer, self._explain, self._codes):
            raise error
        return answer

    async def _authenticated(self, request: Request) -> Answer:
        proof = await self._auth.headers()
        answer = await self._send(request, proof)
        if answer.status != 401 or not await self._auth.renew(proof):
            return answer
        again = await self._send(request, await self._auth.headers())
        return _after(answer, again)

    async def _send(self, request: Request, proof: Mapping[str, str]) -> Answer:
        content = b"" if request.body is None else orjson.dumps(request.body)
        sending = self._client.build_request(
            request.method,
            self.url(request.path),
            content=content or None,
            params=request.params,
            headers=self._headers | dict(request.headers or {}) | dict(proof) | (JSON if content else {}),
        )
        await self._gate.enter()
        started_at = self._clock()
        heard = await _exchanged(self._client, sending, self._timeout)
        redactor = Redactor(self._auth.secrets())
        call = Call(
            method=request.method,
            url=redactor.text(str(sending.url)),
            status=heard.status,
            request=redactor.excerpt(content),
            response=redactor.text(heard.problem) if heard.status is None else redactor.excerpt(heard.body),
            started_at=started_at,
            ended_at=self._clock(),
            positions=request.positions,
        )
        self._gate.called(call)
        problem = redactor.text(heard.problem)
        answer = Answer((call,), heard.status, heard.headers, _document(heard.body), problem, heard.sent)
        if told := self._told(answer):
            await self._gate.told(told)
        return answer

    def url(self, path: str) -> str:
        """Return the whole address of a path; raise SystemRefused for a link that leads to another place."""
        if "://" not in path:
            return self._base_url + path
        if _origin(path) != _origin(self._base_url):
            raise SystemRefused(f"the system's link leads away from {_origin(self._base_url)[1]}; it is not followed")
        return path

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@dataclass(slots=True)
class Heard:
    """What was heard from the system while a request was under way."""

    sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""

    async def note(self, event: str, _: Mapping[str, Any]) -> None:
        """Take down the moment from which the system may have heard of the request."""
        self.sent = self.sent or event == SENDING


async def _exchanged(client: httpx.AsyncClient, request: httpx.Request, timeout_s: float) -> Heard:
    heard = Heard()
    request.extensions["trace"] = heard.note
    try:
        async with asyncio.timeout(timeout_s):
            response = await client.send(request, stream=True)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
    except (httpx.HTTPError, TimeoutError) as exc:
        heard.problem = _reason(exc, timeout_s)
    else:
        heard.status, heard.headers, heard.body = response.status_code, response.headers, body
    return heard


async def _body(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > LONGEST_BODY:
            raise httpx.ReadError(f"the answer is longer than {LONGEST_BODY} bytes")
    return b"".join(parts)


async def fetch_token(client: httpx.AsyncClient, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """Post a form to a token endpoint and return its answer; raise SystemUnavailable, without a word of the form."""
    try:
        response = await client.post(url, data=dict(form), headers={"accept": "application/json"})
    except httpx.HTTPError as exc:
        raise SystemUnavailable(
            f"the token endpoint does not answer: {_reason(exc, 0)}", code="authentication"
        ) from exc
    document = _document(response.content)
    answer: Mapping[str, Any] = document if isinstance(document, dict) else {}
    if response.status_code >= 500 or response.status_code == 429:
        raise SystemUnavailable(f"the token endpoint is down: HTTP {response.status_code}", status=response.status_code)
    if response.status_code != 200:
        said = answer.get("error") or answer.get("status") or f"HTTP {response.status_code}"
        raise SystemUnavailable(f"the token endpoint refuses us: {said}", code="authentication", status=401)
    return answer


def _after(first: Answer, again: Answer) -> Answer:
    calls = (*first.calls, *again.calls)
    return Answer(calls, again.status, again.headers, again.document, again.problem, again.sent)


def _document(body: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(body)
    return None


def _reason(exc: Exception, timeout: float) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {timeout:g} s"
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _passes(exc: BaseException) -> bool:
    """Whether a failed read may do better in a moment."""
    return (
        isinstance(exc, SystemUnavailable)
        and exc.status not in {401, 403}
        and exc.code != "authentication"
        and (exc.retry_after or 0) <= LONGEST_WAIT
    )


# Said before anything is done: too early, too fast, not now.
NOT_DONE = frozenset({425, 429, 503})
TOO_FAST = 429


def too_fast(answer: Answer) -> Told | None:
    """Return what an answer tells of the limits, by the standard's words alone."""
    if answer.status != TOO_FAST:
        return None
    return Told(wait=retry_after(answer.headers) or SHORTEST_REST)


_backoff = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)
