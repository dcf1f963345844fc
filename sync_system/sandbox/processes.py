"""Child processes that end with their parent, also when the parent is killed, and the ports they listen on."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine that a child runs as."""

    uid: int
    gid: int


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens.

    They lie below the kernel's ephemeral range: a client that redials a server which is down would otherwise now and
    then be given the server's own port and be connected to itself.
    """
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            port = random.randrange(12_000, 32_000)
            taken = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                taken.bind(("127.0.0.1", port))
                found.append(port)
        return found


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    account: Account | None = None,
    farewell: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; the kernel sends it `farewell` when this process ends."""

    def start() -> subprocess.Popen[bytes]:
        with ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            return subprocess.Popen(
                [str(part) for part in command],
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=_end_with(os.getpid(), farewell),  # noqa: PLW1509  # only a system call happens in it
            )

    if threading.current_thread() is threading.main_thread():
        return start()
    return _starter().submit(start).result()


def end(child: subprocess.Popen[bytes] | None, how: signal.Signals = signal.SIGTERM, patience: float = 20) -> None:
    """Signal a child and wait until it is gone; kill it when `patience` seconds pass."""
    if child is None or child.poll() is not None:
        return
    child.send_signal(how)
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@cache
def _starter() -> ThreadPoolExecutor:
    # The kernel watches the thread that forked, not its process: a thread that lasts must do it.
    return ThreadPoolExecutor(1, thread_name_prefix="spawn")


def _end_with(parent: int, farewell: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def follow() -> None:
        prctl(PR_SET_PDEATHSIG, int(farewell))
        if os.getppid() != parent:
            os._exit(1)

    return follow
