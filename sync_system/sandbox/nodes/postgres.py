"""A private PostgreSQL below one folder, reachable over TCP on 127.0.0.1 alone; as root it runs as somebody else."""

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sync_system.sandbox.errors import NodeFailed, NothingToRun
from sync_system.sandbox.nodes.packages import Tree
from sync_system.sandbox.processes import Account, end, free_ports, spawn

USER = "sync"
FAST_AND_LOOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
AUTHENTICATED = b"R"


def binaries(tree: Tree) -> Path | None:
    """Return the folder of the newest PostgreSQL server in a tree, if there is one.

    Only the versioned folders count: what stands on the PATH may be a client or somebody's wrapper.
    """
    found = list(tree.root.glob("usr/lib/postgresql/*/bin/postgres"))
    return max(found, key=_version).parent if found else None


class PostgresNode:
    """One server with a port and data of its own; `stop`, `kill` and `start` keep the data and the URL."""

    def __init__(self, folder: Path, *, tree: Tree | None = None, durable: bool = False) -> None:
        """Choose port and account; `durable=False` trades the safety of a power cut for speed."""
        self._tree = tree or Tree()
        self.port = free_ports(1)[0]
        self._durable = durable
        self._account = unprivileged()
        self._borrowed: Path | None = None
        self.folder = self._reachable(folder.absolute())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for libpq and friends; SQLAlchemy wants its driver's name added."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> Path:
        """The file that holds what the server says."""
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, patience: float = 60) -> Self:
        """Start the server on its data (made the first time) and wait until it accepts clients."""
        if self.running:
            return self
        folder = binaries(self._tree)
        if folder is None:
            raise NothingToRun("no PostgreSQL server is installed: apt-get install postgresql")
        self._initialise(folder)
        settings = [part for name, value in self._settings().items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [folder / "postgres", "-D", self.folder / "data", *settings]
        self._process = spawn(
            command,
            env=self._environment(),
            cwd=self.folder,
            log=self.log,
            account=self._account,
            farewell=signal.SIGINT,
        )
        self._wait(self._process, time.monotonic() + patience)
        return self

    def stop(self) -> None:
        """End the server in good order, dropping its clients."""
        end(self._process, signal.SIGINT)
        self._process = None

    def kill(self) -> None:
        """End the server at once, without a checkpoint; the next start recovers."""
        # SIGKILL would leave its children to finish on their own time; SIGQUIT takes them along.
        end(self._process, signal.SIGQUIT)
        self._process = None

    def restart(self) -> None:
        """Stop the server and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and give back what was borrowed outside its folder."""
        self.stop()
        if self._borrowed:
            shutil.rmtree(self._borrowed, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _reachable(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if self._account is None:
            return folder
        if not searchable(folder.parent, self._account):
            folder = self._borrowed = Path(tempfile.mkdtemp(prefix="sync-postgres-"))
        os.chown(folder, self._account.uid, self._account.gid)
        return folder

    def _initialise(self, folder: Path) -> None:
        data = self.folder / "data"
        if (data / "PG_VERSION").exists():
            return
        options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        child = spawn(
            [folder / "initdb", "-D", data, *options],
            env=self._environment(),
            cwd=self.folder,
            log=self.folder / "initdb.log",
            account=self._account,
        )
        if child.wait():
            raise NodeFailed(f"initdb failed: {(self.folder / 'initdb.log').read_text()[-500:]}")

    def _settings(self) -> dict[str, str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "logging_collector": "off",
            "shared_buffers": "64MB",
            "max_connections": "300",
        }
        return settings if self._durable else settings | FAST_AND_LOOSE

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | self._tree.environment() | {"HOME": str(self.folder)}

    def _wait(self, process: subprocess.Popen[bytes], until: float) -> None:
        while time.monotonic() < until:
            if process.poll() is not None:
                raise NodeFailed(f"postgres ended with {process.returncode}: {self.log.read_text()[-500:]}")
            with suppress(OSError):
                if self._greets():
                    return
            time.sleep(0.02)
        self.kill()
        raise NodeFailed(f"postgres does not accept clients in time; what it says is in {self.log}")

    def _greets(self) -> bool:
        body = struct.pack("!I", 0x0003_0000) + f"user\0{USER}\0database\0postgres\0\0".encode()
        with socket.create_connection(("127.0.0.1", self.port), 1) as client:
            client.sendall(struct.pack("!I", len(body) + 4) + body)
            return client.recv(1) == AUTHENTICATED


def unprivileged() -> Account | None:
    """Return the account to run a server as that refuses root; None when we are an ordinary user already."""
    if os.geteuid():
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = accounts.get("postgres") or accounts["nobody"]
    return Account(entry.pw_uid, entry.pw_gid)


def searchable(folder: Path, account: Account) -> bool:
    """Tell whether an account may pass through a folder and all above it."""
    return all(_may_pass(parent, account) for parent in _upwards(folder))


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _may_pass(folder: Path, account: Account) -> bool:
    about = folder.stat()
    if about.st_uid == account.uid:
        return bool(about.st_mode & 0o100)
    return bool(about.st_mode & (0o010 if about.st_gid == account.gid else 0o001))


def _version(path: Path) -> float:
    try:
        return float(path.parent.parent.name)
    except ValueError:
        return 0.0
