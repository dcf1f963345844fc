"""A pretend system as a process: its entry point, and the class that starts, stops and asks it."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx
import uvicorn

from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.processes import end, free_ports, spawn
from sync_system.sandbox.serving.door import Door
from sync_system.sandbox.serving.faults import Fault, FaultKind, OrderedFault
from sync_system.sandbox.serving.stage import Stage


def serve(app: Stage, port: int) -> None:
    """Answer requests on a port of 127.0.0.1 until a signal ends it."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    app.faults.on_refuse = Door(server).close_for
    server.run()


class PretendSystem:
    """A pretend system in a process of its own that ends with this one; `down` and `up` keep its port and data."""

    module: ClassVar[str]

    def __init__(self, folder: Path, options: Mapping[str, str | None]) -> None:
        self.folder = folder
        self.database = folder / "data.db"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=f"{self.url}/sandbox", timeout=60, trust_env=False)

    def up(self, patience: float = 60) -> Self:
        """Start listening and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {"port": str(self.port), "database": str(self.database), **self._options}
        words = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
        log = self.folder / "server.log"
        self._process = spawn([sys.executable, "-m", self.module, *words], log=log)
        until = time.monotonic() + patience
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.down()
                raise ServerFailed(f"{self.module} did not start: {log.read_text()[-500:]}")
            time.sleep(0.02)
        return self

    def down(self, *, abruptly: bool = False) -> None:
        """Stop listening; `abruptly` as when the machine fails."""
        end(self._process, signal.SIGKILL if abruptly else signal.SIGTERM)
        self._process = None

    def close(self) -> None:
        """Stop for good."""
        self.down()
        self._http.close()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def order(self, kind: FaultKind, **more: Any) -> int:
        """Put a fault in force (see `Fault` for what can be given) and return its number."""
        body = Fault(kind=kind, **more).model_dump(mode="json")
        return OrderedFault.model_validate(self.ask("POST", "/faults", body)).id

    def faults(self) -> list[OrderedFault]:
        """Return the faults in force."""
        return [OrderedFault.model_validate(fault) for fault in self.ask("GET", "/faults")]

    def lift(self, number: int | None = None) -> None:
        """Lift one fault, or all."""
        self.ask("DELETE", "/faults" if number is None else f"/faults/{number}")

    def calls(self, kind: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the newest calls of the log, oldest first."""
        return list(self.ask("GET", f"/calls?limit={limit}" + (f"&kind={kind}" if kind else "")))

    def count_calls(self) -> dict[str, int]:
        """Return how many calls read and wrote, and how many records they carried."""
        return dict(self.ask("GET", "/calls/count"))

    def forget_calls(self) -> None:
        """Clear the log of calls."""
        self.ask("DELETE", "/calls")

    def tune(self, **settings: Any) -> dict[str, Any]:
        """Change settings until the next `down`."""
        return dict(self.ask("PATCH", "/settings", settings))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Call the agent's side and return the reply's JSON."""
        reply = self._http.request(method, path, json=body)
        if reply.is_error:
            raise ServerFailed(f"{method} {path}: {reply.status_code} {reply.text}")
        return reply.json()

    def _answers(self) -> bool:
        try:
            return self._http.get("/health").is_success
        except httpx.TransportError:
            return False
