"""A private RabbitMQ node: all it reads and writes is below one folder, and it ends with the process that started it."""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sync_system.sandbox.errors import NodeFailed
from sync_system.sandbox.nodes.packages import Tree
from sync_system.sandbox.processes import end, free_ports, spawn

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # /usr/sbin has a wrapper that insists on the account rabbitmq
UNIX_PATH_LIMIT = 100
LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


def installed() -> bool:
    """Tell whether the machine has a rabbitmq-server of its own."""
    return os.access(SERVER, os.X_OK)


class RabbitNode:
    """One node with a cookie, ports, an epmd and data of its own; `stop`, `kill` and `start` keep the data and the URL."""

    def __init__(self, folder: Path, *, tree: Tree | None = None, plugins: Sequence[str] = ()) -> None:
        """Prepare the folder; plugins are off unless named (with management a stop takes 6 s instead of 1 s)."""
        self.folder = folder.absolute()
        self.plugins = tuple(plugins)
        self._tree = tree or Tree()
        self.port, self._dist, self._epmd, self._ctl, self.management_port, self.metrics_port = free_ports(6)
        self._epmd_process: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for AMQP clients."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        """The file that holds what the node says."""
        return self.folder / "log" / "node.log"

    @property
    def running(self) -> bool:
        """Whether the node's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, patience: float = 90) -> Self:
        """Start the node on its data and wait, at most `patience` seconds, until it is ready."""
        if self.running:
            return self
        self._prepare()
        if self._epmd_process is None or self._epmd_process.poll() is not None:
            # The node leaves a daemon behind for ever unless an epmd runs already.
            epmd = [self._program("epmd"), "-port", str(self._epmd), "-address", "127.0.0.1"]
            self._epmd_process = spawn(epmd, env=self._environment(), cwd=self.folder)
        with tempfile.TemporaryDirectory(prefix="sync-") as short:
            self._start_server(Path(short), patience)
        return self

    def stop(self) -> None:
        """End the node in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node as a power cut does."""
        self._end(signal.SIGKILL)

    def wipe(self) -> None:
        """End the node at once and delete its data."""
        self.kill()
        shutil.rmtree(self.folder / "mnesia")

    def restart(self) -> None:
        """Stop the node and start it again."""
        self.stop()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node and return what it prints."""
        command = [str(self._tree.path("/usr/lib/rabbitmq/bin/rabbitmqctl")), *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NodeFailed(f"rabbitmqctl {' '.join(arguments)}: {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        end(self._process, how)
        end(self._epmd_process)
        self._process = self._epmd_process = None

    def _start_server(self, short: Path, patience: float) -> None:
        # With NOTIFY_SOCKET the script execs erl, so that signals reach the server itself, and it reports its readiness.
        path = str(short / "ready")
        if len(path) > UNIX_PATH_LIMIT:
            raise NodeFailed(f"{path} is too long for a unix socket: set TMPDIR to a shorter folder")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(path)
            env = self._environment() | {"NOTIFY_SOCKET": path}
            self._process = spawn([self._tree.path(SERVER)], env=env, cwd=self.folder, log=self.log)
            try:
                self._wait(ready, self._process, time.monotonic() + patience)
            except BaseException:
                self.kill()
                raise

    def _wait(self, ready: socket.socket, process: subprocess.Popen[bytes], until: float) -> None:
        while time.monotonic() < until:
            readable, _, _ = select.select([ready], [], [], 0.05)
            if readable and b"READY=1" in ready.recv(4096):
                return
            if process.poll() is not None:
                raise NodeFailed(f"rabbitmq-server ended with {process.returncode}; its last words are in {self.log}")
        raise NodeFailed(f"rabbitmq-server is not ready in time; what it says is in {self.log}")

    def _program(self, name: str) -> str:
        own = self._tree.path(f"/usr/bin/{name}")
        return str(own) if own.exists() else shutil.which(name) or name

    def _prepare(self) -> None:
        for name in ("home", "mnesia", "log", "schema"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            with open(cookie, "w", opener=lambda path, flags: os.open(path, flags, 0o400)) as file:
                file.write(secrets.token_hex(24))
        (self.folder / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")
        (self.folder / "rabbitmq.conf").write_text("\n".join(self._configuration()) + "\n")

    def _configuration(self) -> list[str]:
        lines = [
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            "log.console = true",
            "log.console.level = warning",
            "log.file = false",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 50MB",
        ]
        if "rabbitmq_management" in self.plugins:
            lines += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {self.management_port}"]
        if "rabbitmq_prometheus" in self.plugins:
            lines += ["prometheus.tcp.ip = 127.0.0.1", f"prometheus.tcp.port = {self.metrics_port}"]
        return lines

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        here = self.folder
        own = {
            "HOME": here / "home",  # the cookie's place
            "RABBITMQ_NODENAME": "sync@localhost",  # no look-up of the machine's name
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._dist,
            "ERL_EPMD_PORT": self._epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": here / "absent.conf",  # else the one in /etc is read
            "RABBITMQ_CONFIG_FILE": here / "rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": here / "advanced.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": here / "schema",
            "RABBITMQ_SCHEMA_DIR": here / "schema",
            "RABBITMQ_MNESIA_BASE": here / "mnesia",
            "RABBITMQ_MNESIA_DIR": here / "mnesia" / "sync",
            "RABBITMQ_LOG_BASE": here / "log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": here / "enabled_plugins",
            "RABBITMQ_PID_FILE": here / "node.pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK,
            # rabbitmqctl is an Erlang node as well, and listens on every interface unless told otherwise.
            "RABBITMQ_CTL_DIST_PORT_MIN": self._ctl,
            "RABBITMQ_CTL_DIST_PORT_MAX": self._ctl,
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK,
        }
        return inherited | self._tree.environment() | {name: str(value) for name, value in own.items()}
