"""Where a process spends its CPU time: the running function, noted at every tick of the process's own clock.

Nothing is slowed down by it, and greenlets, which confuse a tracing profiler, do not matter to it.
"""

import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

TICK = 0.004
TOP = 40


class Sampler:
    """Samples this process from `start` to `report`; C functions count for the line that calls them."""

    def __init__(self) -> None:
        self.own: Counter[CodeType] = Counter()
        self.lines: Counter[tuple[CodeType, int]] = Counter()
        self.under: Counter[CodeType] = Counter()
        self.thread_time = self.process_time = 0.0

    def start(self) -> None:
        """Begin; only from the main thread."""
        self.thread_time, self.process_time = time.thread_time(), time.process_time()
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, TICK, TICK)

    def _tick(self, _signal: int, frame: FrameType | None) -> None:
        thread, process = time.thread_time(), time.process_time()
        ours, all = thread - self.thread_time, process - self.process_time
        self.thread_time, self.process_time = thread, process
        self._note(frame, ours)
        if all - ours > TICK / 10:
            self._note(_other(), all - ours)

    def _note(self, frame: FrameType | None, seconds: float) -> None:
        if frame is not None and frame.f_lineno == frame.f_code.co_firstlineno and frame.f_back is not None:
            frame = frame.f_back  # a signal is heard on entering a function: what it interrupted was the caller
        if frame is None:
            return
        self.own[frame.f_code] += seconds  # type: ignore[assignment]
        self.lines[frame.f_code, frame.f_lineno] += seconds  # type: ignore[assignment]
        seen = set()
        while frame is not None:
            if frame.f_code not in seen:
                seen.add(frame.f_code)
                self.under[frame.f_code] += seconds  # type: ignore[assignment]
            frame = frame.f_back

    def report(self) -> dict[str, Any]:
        """Stop, and return the functions by own seconds: [name, own, with callees, [[line, own], ...]]."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        functions = [
            [_name(code), own, self.under[code], self._lines_of(code)] for code, own in self.own.most_common(TOP)
        ]
        below = [[_name(code), seconds] for code, seconds in self.under.most_common(3 * TOP)]
        return {"seconds": sum(self.own.values()), "functions": functions, "below": below}

    def _lines_of(self, code: CodeType) -> list[list[float]]:
        lines = [(line, own) for (of, line), own in self.lines.items() if of is code]
        return [[line, own] for line, own in sorted(lines, key=lambda pair: -pair[1])[:3]]


def _other() -> FrameType | None:
    """Return where another thread is, one that works if there is one."""
    own, frames = threading.get_ident(), sys._current_frames()  # noqa: SLF001  # the only way to see another thread
    busy = [f for ident, f in frames.items() if ident != own and f.f_code.co_name not in {"wait", "_worker"}]
    return busy[0] if busy else None


def _name(code: CodeType) -> str:
    path = Path(code.co_filename)
    parts = path.parts[path.parts.index("site-packages") + 1 :] if "site-packages" in path.parts else path.parts[-3:]
    return f"{'/'.join(parts)}:{code.co_firstlineno} {code.co_qualname}"
