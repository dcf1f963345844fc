"""Debian packages fetched and unpacked into a folder: no root, no change to the system, nothing installed."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sync_system.sandbox.errors import NothingToRun

DPKG_STATUS = Path("/var/lib/dpkg/status")


@dataclass(frozen=True)
class Tree:
    """A file system's root: `/`, or a folder that packages were unpacked into."""

    root: Path = Path("/")

    def path(self, name: str) -> Path:
        """Return where the file of an absolute name stands in this tree."""
        return self.root / name.lstrip("/")

    def environment(self) -> dict[str, str]:
        """Return what a program of this tree needs to find its siblings and shared libraries."""
        if self.root == Path("/"):
            return {}
        programs = f"{self.path('/usr/bin')}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        return {"PATH": programs, "LD_LIBRARY_PATH": ":".join(self._libraries)}

    @cached_property
    def _libraries(self) -> list[str]:
        return sorted({str(file.parent) for top in ("usr/lib", "lib") for file in (self.root / top).rglob("lib*.so.*")})


def unpacked(package: str, folder: Path, *, regardless_of: str = "") -> Tree:
    """Return the tree with `package` and all that it needs and the machine lacks; fetch it the first time.

    `regardless_of` is a pattern of package names to fetch although they are installed. Processes that ask at the same
    time wait for the first.
    """
    place = folder.absolute() / package
    place.mkdir(parents=True, exist_ok=True)
    root, done = place / "root", place / "done"
    with _alone(place / "lock"):
        # A tree that was moved is made anew: scripts in it name their place.
        if not done.exists() or done.read_text(encoding="utf-8") != str(root):
            _unpack(_fetch(package, place, regardless_of), root)
            done.write_text(str(root), encoding="utf-8")
    return Tree(root)


def _fetch(package: str, place: Path, regardless_of: str) -> list[Path]:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NothingToRun(f"{package} cannot be fetched: this machine has no apt-get and dpkg")
    options = _private_state(place, regardless_of)
    lists = ["-o", f"Dir::State::lists={place / 'apt' / 'lists'}"]
    download = ["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only", *options]
    first = _run([*download, "install", package])
    if first.returncode:
        _run(["apt-get", "-qq", *options, *lists, "update"])
        second = _run([*download, *lists, "install", package])
        if second.returncode:
            raise NothingToRun(f"{package} cannot be fetched: {_last_line(second.stderr or first.stderr)}")
    return sorted((place / "apt" / "cache" / "archives").glob("*.deb"))


def _private_state(place: Path, regardless_of: str) -> list[str]:
    apt = place / "apt"
    for name in ("lists/partial", "cache/archives/partial", "log"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    status = _status_without(regardless_of, apt / "status") if regardless_of else DPKG_STATUS
    settings = {
        "Dir::Cache": apt / "cache",
        "Dir::Cache::archives": apt / "cache" / "archives",
        "Dir::Log": apt / "log",
        "Dir::State::status": status,
        "Dir::State::extended_states": apt / "extended_states",
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "",  # root would otherwise fetch as _apt, who may not enter the folder
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _status_without(pattern: str, copy: Path) -> Path:
    stanzas = DPKG_STATUS.read_text(encoding="utf-8").split("\n\n")
    kept = [stanza for stanza in stanzas if not re.match(rf"Package: ({pattern})", stanza)]
    copy.write_text("\n\n".join(kept), encoding="utf-8")
    return copy


def _unpack(archives: list[Path], root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for archive in archives:
        subprocess.run(["dpkg", "-x", archive, root], check=True, capture_output=True)
        archive.unlink()
    erl = root / "usr/lib/erlang/bin/erl"
    if erl.exists():
        # The start script names its root folder absolutely.
        text = erl.read_text(encoding="utf-8")
        erl.write_text(text.replace("ROOTDIR=/usr/lib/erlang", f'ROOTDIR="{root}/usr/lib/erlang"'), encoding="utf-8")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    english = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=english, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E: ") for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "apt-get gave no reason"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
