"""Who may call: a static bearer token, or access tokens from a refresh token that changes with every use."""

import secrets
import time
from dataclasses import dataclass

from sync_system.sandbox.crm.problems import Problem, missing_scope, unauthorized
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Store


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the account's administrator hands to an integration."""

    token: str
    client_id: str
    client_secret: str
    refresh_token: str


class Tokens:
    """Issues and checks tokens; issued ones are kept in the store."""

    def __init__(self, store: Store, settings: CrmSettings, credentials: Credentials) -> None:
        self._store, self._settings, self._credentials = store, settings, credentials
        if not store.query("select 1 from tokens where kind = 'refresh'"):
            store.query("insert into tokens values (?, 'refresh', null)", (credentials.refresh_token,))

    def admit(self, authorization: str | None, scope: str) -> None:
        """Let a call pass whose token holds; Problem 401 or 403 otherwise."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        if not secrets.compare_digest(token.encode(), self._credentials.token.encode()):
            self._check_issued(token)
        if scope in self._settings.missing_scopes:
            raise missing_scope(scope)

    def refresh(self, form: dict[str, str]) -> dict[str, object]:
        """Exchange a refresh token for an access token and the next refresh token."""
        known = (form.get("client_id"), form.get("client_secret"))
        if known != (self._credentials.client_id, self._credentials.client_secret):
            raise Problem(400, "BAD_CLIENT_ID", "missing or unknown client id", more={"status": "BAD_CLIENT_ID"})
        with self._store.transaction():
            spent = self._store.query(
                "delete from tokens where kind = 'refresh' and token = ? returning token", (form.get("refresh_token"),)
            )
            if form.get("grant_type") != "refresh_token" or not spent:
                message = "missing or invalid refresh token"
                raise Problem(400, "BAD_REFRESH_TOKEN", message, more={"status": "BAD_REFRESH_TOKEN"})
            return self._issue()

    def expire(self) -> None:
        """Let every issued access token expire now."""
        self._store.query("update tokens set expires_at = 0 where kind = 'access'")

    def _check_issued(self, token: str) -> None:
        rows = self._store.query("select expires_at from tokens where kind = 'access' and token = ?", (token,))
        if not rows:
            raise unauthorized()
        if rows[0][0] <= time.time():
            raise unauthorized("EXPIRED_AUTHENTICATION")

    def _issue(self) -> dict[str, object]:
        access, refresh, life = secrets.token_urlsafe(24), secrets.token_urlsafe(24), self._settings.token_life
        self._store.query("insert into tokens values (?, 'access', ?)", (access, time.time() + life))
        self._store.query("insert into tokens values (?, 'refresh', null)", (refresh,))
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": int(life),
            "token_type": "bearer",
            "hub_id": self._settings.portal_id,
        }
