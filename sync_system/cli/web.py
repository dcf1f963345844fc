"""The HTTP interface inside the service's own event loop, on a port that is taken before anything starts."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from sync_system.errors import ConfigurationError

GRACE_SECONDS = 10


class Web(uvicorn.Server):
    """Serves an application until told to stop; `listening` is set once requests are answered."""

    def __init__(self, app: Any, taken: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self.taken, self.listening = taken, asyncio.Event()
        host, port = taken.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until told to stop or cancelled; requests that are under way are answered first."""
        serving = asyncio.ensure_future(self.serve([self.taken]))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self.should_exit = True
            await serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the service."""
        yield


def take_port(host: str, port: int) -> socket.socket:
    """Bind the port; raise ConfigurationError if it is in use or not this machine's own."""
    if not loopback(host):
        raise ConfigurationError(
            f"api.host is {host}, but there are no accounts yet: whoever reached it could write leads. "
            "Use 127.0.0.1, and a proxy before it that lets only /webhooks/ pass"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise ConfigurationError(f"cannot listen on {host}:{port} (api.host, api.port): {exc.strerror}") from exc


def loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
