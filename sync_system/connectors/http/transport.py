"""Connections that are kept alive and guarded, one pool for each system."""

import ssl
from functools import cache

import httpcore
import httpx

from sync_system.connectors.http.addresses import PublicOnly

CONNECTIONS = 100
# Below the 5 s after which uvicorn and many load balancers drop an idle connection: a request that meets the drop
# would be uncertain.
KEEP_ALIVE = 4.0
CONNECT_TIMEOUT = 10.0


@cache
def tls() -> ssl.SSLContext:
    """Load the certificate authorities, which takes 20 ms, once."""
    return httpx.create_ssl_context()


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that connects to public addresses alone."""

    def __init__(self) -> None:
        super().__init__(verify=tls())
        # httpx has no parameter for the network backend; httpcore's is public.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=PublicOnly(),
        )


def open_client(timeout: float, *, allow_private: bool = False) -> httpx.AsyncClient:
    """Make the client of one system; `timeout` in seconds. Nothing is connected yet, redirects are not followed."""
    limits = httpx.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE
    )
    transport = httpx.AsyncHTTPTransport(verify=tls(), limits=limits) if allow_private else GuardedTransport()
    # Half, so that a connection fails by itself and is closed before the whole call is given up.
    patience = httpx.Timeout(timeout, connect=min(timeout / 2, CONNECT_TIMEOUT))
    return httpx.AsyncClient(transport=transport, timeout=patience, follow_redirects=False)
