"""How a request proves who we are: a fixed header, or a token that is renewed in time and by one request alone."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sync_system.connectors.configuration import Auth as AuthSettings
from sync_system.errors import SystemUnavailable

DEFAULT_LIFETIME = 1_800.0
# A token is renewed when this part of its life is over.
RENEWED_AT = 0.8

FetchToken = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


class Auth(Protocol):
    """A proof of identity as headers."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a request; raise SystemUnavailable if there is no proof to be had."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Get a new proof after `refused` was answered with 401; False if there can be none."""

    def secrets(self) -> frozenset[str]:
        """Return what must never be shown."""


@dataclass(frozen=True, slots=True)
class FixedAuth:
    """Headers that never change."""

    fixed: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    async def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.fixed

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """There is no other proof."""
        return False

    def secrets(self) -> frozenset[str]:
        """Return what stands in the headers."""
        return self.hidden


class OAuth:
    """A token of OAuth 2.0, fetched with `form` at `url`; a refresh token that is replaced is kept up with."""

    def __init__(self, fetch: FetchToken, url: str, form: Mapping[str, str]) -> None:
        self._fetch, self._url, self._form = fetch, url, dict(form)
        self._turn = asyncio.Lock()
        self._headers: Mapping[str, str] = {}
        self._renew_at = 0.0

    async def headers(self) -> Mapping[str, str]:
        """Return the token, a new one if the last is about to expire."""
        if time.monotonic() >= self._renew_at:
            async with self._turn:
                if time.monotonic() >= self._renew_at:
                    await self._fetched()
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch a new token, unless somebody did since `refused` was handed out."""
        async with self._turn:
            if refused is self._headers:
                await self._fetched()
        return True

    async def _fetched(self) -> None:
        answer = await self._fetch(self._url, self._form)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise SystemUnavailable("the token endpoint answered without an access token", code="authentication")
        if "refresh_token" in self._form and isinstance(answer.get("refresh_token"), str):
            self._form["refresh_token"] = answer["refresh_token"]
        self._headers = {"authorization": f"Bearer {token}"}
        self._renew_at = time.monotonic() + _lifetime(answer.get("expires_in")) * RENEWED_AT

    def secrets(self) -> frozenset[str]:
        """Return the token, and what new ones are fetched with."""
        hidden = {value for name, value in self._form.items() if name in {"client_secret", "refresh_token"}}
        return frozenset(hidden | {value.removeprefix("Bearer ") for value in self._headers.values()})


def _lifetime(raw: Any) -> float:
    try:
        return max(float(raw), 0.0)
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME


def bearer(token: str) -> FixedAuth:
    """Return the proof that a fixed token is."""
    return FixedAuth({"authorization": f"Bearer {token}"}, frozenset({token}))


def configured_auth(settings: AuthSettings | None, fetch: FetchToken) -> Auth:
    """Return the proof that the configuration asks for; `fetch` posts a form to a token endpoint."""
    if settings is None:
        return FixedAuth()
    if settings.bearer:
        return bearer(settings.bearer.get_secret_value())
    if settings.basic:
        password = settings.basic.password.get_secret_value()
        pair = base64.b64encode(f"{settings.basic.username}:{password}".encode()).decode()
        return FixedAuth({"authorization": f"Basic {pair}"}, frozenset({password, pair}))
    if settings.header:
        value = settings.header.value.get_secret_value()
        return FixedAuth({settings.header.name.lower(): value}, frozenset({value}))
    if settings.oauth2:
        given = settings.oauth2
        form = {"client_id": given.client_id, "client_secret": given.client_secret.get_secret_value()}
        scope = {"scope": given.scope} if given.scope else {}
        return OAuth(fetch, given.token_url, {"grant_type": "client_credentials", **form, **scope})
    return FixedAuth()
