"""What commands print: tables for people, JSON for programs; both on stdout."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import orjson
import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sync_system.messaging.envelope import rfc3339

SECOND = 1_000_000
WIDE = 200  # columns, where nobody says how many there are


def console(*, stderr: bool = False) -> Console:
    """Return where tables are printed: as wide as the terminal, or wide enough."""
    found = Console(highlight=False, stderr=stderr)
    return found if found.is_terminal else Console(highlight=False, stderr=stderr, width=WIDE)


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table; numbers stand to the right, and nothing is left out for want of width."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    for place, name in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[place], int) for row in rows)
        made.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*["" if cell is None else Text(plain(cell)) for cell in row])
    return made


@contextmanager
def bars(*, shown: bool) -> Iterator[Callable[[str, int], None]]:
    """Show how far each part of a run has come, on stderr; call what it gives with a part's name and its count."""
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console(stderr=True), disable=not shown)
    parts: dict[str, TaskID] = {}

    def show(what: str, done: int) -> None:
        if what not in parts:
            parts[what] = progress.add_task(what, total=None)
        progress.update(parts[what], completed=done)

    with progress:
        yield show


def plain(value: object) -> str:
    """Return a value as one line; what a terminal would take for a command is shown as a mark."""
    return "".join(letter if letter.isprintable() else "␤" if letter == "\n" else "�" for letter in str(value))


def line(text: str, *, indent: int = 0, style: str = "") -> Padding:
    """Return a text that keeps its indentation where it is wrapped."""
    return Padding(Text(plain(text), style=style), (0, 0, 0, indent))


def when(at: int | None, zone: tzinfo | None = None) -> str:
    """Return a moment as people read it, by the clocks of a time zone, of this machine if None; a dash for never."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def lasting(duration: int | None) -> str:
    """Return a duration in microseconds as people read it."""
    return "-" if duration is None else str(timedelta(seconds=round(duration / SECOND)))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def ago(at: int | None, now: int) -> str:
    """Return how long ago a moment was, both in microseconds; a dash for never."""
    return "-" if at is None else str(timedelta(seconds=max(0, (now - at) // SECOND)))


def moment(at: int | None) -> str | None:
    """Return a moment as text, None for never."""
    return None if at is None else rfc3339(at)
