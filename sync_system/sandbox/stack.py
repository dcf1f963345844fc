"""Everything at once on one machine: a broker, a pretend application, a pretend CRM, and the service between them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.nodes.broker import Node, private_broker
from sync_system.sandbox.population import Population
from sync_system.sandbox.processes import end, free_ports, spawn

READY_SECONDS = 60
CONFIGURATION = Path(str(files("sync_system.sandbox").joinpath("sync.yaml")))


# What the sandbox's configuration maps beside the CRM's own properties.
PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "exhibition": {"type": "string", "fieldType": "text"},
    "email_opt_out": {"type": "enumeration", "fieldType": "booleancheckbox"},
}


def define_properties(crm: PretendCrm) -> None:
    """Define the CRM's custom properties, as its administrator would; those that stand are left as they are."""
    headers = {"Authorization": f"Bearer {crm.token}"}
    for name, kind in PROPERTIES.items():
        body: dict[str, Any] = {"name": name, "label": name, "groupName": "contactinformation", **kind}
        if kind["type"] == "enumeration":
            body["options"] = [{"label": value, "value": value} for value in ("true", "false")]
        reply = httpx.post(f"{crm.url}/crm/v3/properties/contacts", json=body, headers=headers, trust_env=False)
        if reply.status_code not in {201, 409}:
            raise ServerFailed(f"the property {name} cannot be defined: {reply.text}")


class Service:
    """The service in a process of its own, on the sandbox's configuration."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], port: int, configuration: Path, options: Sequence[str] = ()
    ) -> None:
        self.folder, self.port, self.configuration, self.options = folder, port, configuration, options
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "service.log"
        self.environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0

    def up(self, *, wait: bool = True) -> None:
        """Start it, and wait until it is ready unless told not to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._said = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-m", "sync_system.cli", "run", "--config", str(self.configuration), *self.options]
        # SIGTERM when this process ends: what is in flight is brought to its end.
        self._process = spawn(command, env={**os.environ, **self.environment}, log=self.log, farewell=signal.SIGTERM)
        deadline = time.monotonic() + READY_SECONDS
        while wait and not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.down()
                raise ServerFailed(f"the service did not start: {self.log.read_text()[-800:]}")
            time.sleep(0.05)

    def down(self) -> None:
        """Stop it in good order."""
        end(self._process, signal.SIGTERM, patience=40)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        end(self._process, signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send its process a signal: SIGSTOP holds it as it is, SIGCONT lets it go on."""
        if self._process is not None:
            self._process.send_signal(number)

    @property
    def started(self) -> bool:
        """Whether it has been started, even if it has ended since."""
        return self._process is not None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """Wait until its process has ended; return its exit status."""
        return 0 if self._process is None else self._process.wait(seconds)

    def stats(self) -> dict[str, Any]:
        """Return what the service counts."""
        return dict(httpx.get(f"{self.url}/v1/stats", trust_env=False, timeout=30).raise_for_status().json())

    def standing(self, state: str) -> int:
        """Return how many transactions stand in a state, over all destinations."""
        return sum(states.get(state, 0) for states in self.stats()["states"].values())

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of its other commands on the same configuration."""
        command = [sys.executable, "-m", "sync_system.cli", *words, "--config", str(self.configuration)]
        return subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )

    def _ready(self) -> bool:
        if "--role" in self.options and "api" not in self.options:
            return b'"service.ready"' in self.log.read_bytes()[self._said :]
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False


class Stack:
    """The whole sandbox below one folder.

    `database` as SQLAlchemy writes it; SQLite in the folder if None. `broker`: one that runs already, with nothing of
    ours on it; else one is found or started, with `own_broker` one that can be killed. `configuration`: another file
    than the sandbox's own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database: str | None = None,
        own_broker: bool = False,
        broker: Node | None = None,
        configuration: Path | None = None,
        port: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.own_broker, self.port = folder.absolute(), own_broker, port or free_ports(1)[0]
        self.database = database or f"sqlite+aiosqlite:///{self.folder}/sync.db"
        self.configuration = configuration or CONFIGURATION
        self._given = broker
        self._settings = settings or {}
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def _start(self) -> None:
        self.broker: Node = self._given or self._parts.enter_context(
            private_broker(self.folder / "broker", controllable=self.own_broker)
        )
        url = f"http://127.0.0.1:{self.port}"
        crm = PretendCrm(self.folder / "crm", webhook_url=f"{url}/webhooks/crm", settings=self._settings.get("crm"))
        self.crm = self._parts.enter_context(crm)
        define_properties(self.crm)
        application = PretendApplication(self.folder / "application", broker=self.broker.url)
        self.application = self._parts.enter_context(application)
        self.service = Service(self.folder, self._environment(url), self.port, self.configuration)
        self._parts.callback(self.service.down)

    def another_service(self, *options: str) -> Service:
        """Return one more process of the service on the same ledger and broker, not started yet; with options of `run`."""
        [port] = free_ports(1)
        environment = {**self.service.environment, "SANDBOX_PORT": str(port)}
        more = Service(self.folder / f"service-{port}", environment, port, self.configuration, options)
        self._parts.callback(more.down)
        return more

    def _environment(self, url: str) -> dict[str, str]:
        return {
            "SANDBOX_DATABASE": self.database,
            "SANDBOX_BROKER": self.broker.url,
            "SANDBOX_PUBLIC_URL": url,
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_APPLICATION": self.application.url,
            "SANDBOX_APPLICATION_TOKEN": self.application.token,
            "SANDBOX_CRM": self.crm.url,
            "SANDBOX_CRM_TOKEN": self.crm.token,
            "SANDBOX_CRM_SECRET": self.crm.webhook_secret,
        }

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._parts.close()

    def write_environment(self) -> Path:
        """Write down, for its owner alone, what other commands need to be told to work on this stack."""
        path = self.folder / "sandbox.env"
        path.touch(mode=0o600)
        values = {**self.service.environment, "SYNC_CONFIG": str(self.configuration)}
        path.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
        return path

    def recount(self, created: Path | None = None) -> dict[str, Any]:
        """Let the second opinion count both systems' databases."""
        return self._counted("recount.py", *([created] if created else []))

    def fill(self, population: Population) -> Path:
        """Fill both systems, as if it had all stood there for long; return where the truth about it is written down."""
        self.application.fill((row.id, row.values, row.at) for row in population.rows("application"))
        self.crm.fill((row.id, row.values, row.at) for row in population.rows("crm"))
        truth = self.folder / "truth.json"
        population.truth.write(truth)
        return truth

    def recount_link(self, truth: Path, edits: Path | None = None) -> dict[str, Any]:
        """Let the second opinion count what became of two full systems, and of what people typed meanwhile."""
        return self._counted("recount_link.py", truth, *([edits] if edits else []))

    def _counted(self, script: str, *more: Path) -> dict[str, Any]:
        path = Path(str(files("sync_system.sandbox").joinpath(script)))
        words = [sys.executable, "-I", path, self.application.database, self.crm.database, *more]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        if not done.stdout:
            raise ServerFailed(f"the second opinion could not count: {done.stderr[-500:]}")
        return dict(json.loads(done.stdout))

    def settled(self) -> bool:
        """Whether nothing is on its way: no outbox, no transaction that will still be tried."""
        if self.application.counts()["outbox"]:
            return False
        return not any(self.service.standing(state) for state in ("pending", "processing", "failed"))
