"""The measured processes from outside: started and stopped, and what they cost the machine."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 60
STOP_SECONDS = 60


class ProcessFailed(Exception):
    """Raised when a measured process ended by itself, with its last words."""


@dataclass(slots=True)
class Child:
    """A process of this package that waits for our word; it ends when we do, as its input does."""

    process: asyncio.subprocess.Process
    log: Path

    @classmethod
    async def start(cls, module: str, arguments: list[str], log: Path) -> Self:
        """Start `benchmarks.<module>` and wait until it is ready."""
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"benchmarks.{module}",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=2**24,
            )
        child = cls(process, log)
        async with asyncio.timeout(READY_SECONDS):
            await child._line()
        return child

    async def go(self) -> None:
        """Let it begin."""
        stdin = self._stdin()
        stdin.write(b"go\n")
        await stdin.drain()

    async def stop(self) -> dict[str, Any]:
        """Stop it in good order and return its report, if it makes one."""
        self._stdin().close()
        async with asyncio.timeout(STOP_SECONDS):
            output, _ = await self.process.communicate()
        if self.process.returncode:
            raise self._failed()
        lines = output.splitlines()
        report: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return report

    def check(self) -> None:
        """Raise ProcessFailed if it has ended."""
        if self.process.returncode is not None:
            raise self._failed()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()

    async def _line(self) -> bytes:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise self._failed()
        return line

    def _stdin(self) -> asyncio.StreamWriter:
        assert self.process.stdin is not None
        return self.process.stdin

    def _failed(self) -> ProcessFailed:
        return ProcessFailed(f"a measured process ended: {self.log.read_text('utf-8', 'replace')[-2000:]}")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of the children that it has waited for; 0 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0.0
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / TICKS


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had resident, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below one, with their names."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text("utf-8")
            except OSError:
                continue
            name = stat.partition("(")[2].rpartition(")")[0]
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1]), name
    found: dict[int, str] = {}
    level = {pid}
    while level:
        level = {child for child, (parent, _) in parents.items() if parent in level}
        found |= {child: parents[child][1] for child in level}
    return found


def servers_cpu(name: str) -> float:
    """Return the CPU time of the servers that we have started and whose processes are called so."""
    return sum(cpu_seconds(pid) for pid, called in descendants(os.getpid()).items() if called == name)
