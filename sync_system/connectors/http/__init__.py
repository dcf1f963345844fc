"""The HTTP layer that all connectors share: connections, proof of identity, patience, redaction, meaning of answers."""

from sync_system.connectors.http.answers import Answer, Problem, retry_after
from sync_system.connectors.http.auth import Auth, OAuth, bearer, configured_auth
from sync_system.connectors.http.client import Http, Request, fetch_token
from sync_system.connectors.http.transport import open_client

__all__ = [
    "Answer",
    "Auth",
    "Http",
    "OAuth",
    "Problem",
    "Request",
    "bearer",
    "configured_auth",
    "fetch_token",
    "open_client",
    "retry_after",
]
