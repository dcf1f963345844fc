"""`sync-system demo`: the main job on a sandbox of its own, told in a few lines, judged by a second opinion."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Terminal:
    """Tells what happens on stderr, so that stdout holds nothing but the result."""

    def __init__(self) -> None:
        self.console, self.began = Console(stderr=True, highlight=False), time.monotonic()

    def say(self, text: str) -> None:
        """Tell of one step."""
        self.console.print(f"[dim]{time.monotonic() - self.began:5.1f} s[/dim]  {text}", soft_wrap=True)

    @contextmanager
    def watch(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while something comes along, and say how long it took."""
        columns = (
            SpinnerColumn(),
            TextColumn("       {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        began = time.monotonic()
        shown = self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=not shown) as progress:
            bar = progress.add_task(what, total=total)
            yield lambda done: progress.update(bar, completed=done)
        self.say(f"{what}, after {time.monotonic() - began:.1f} s")


def demo(
    leads: Annotated[int, typer.Option(min=100, help="How many leads the application publishes.")] = 1_000,
    contacts: Annotated[int, typer.Option(min=50, help="How many contacts agents create in the CRM.")] = 200,
    stay: Annotated[bool, typer.Option("--stay", help="Start everything and stay up until Ctrl-C.")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Fill both systems first, then link them while people go on.")
    ] = False,
    each: Annotated[int, typer.Option(min=400, help="With --link: how many rows each system holds.")] = 20_000,
    folder: Annotated[Path | None, typer.Option(help="Where its data goes; a temporary folder by default.")] = None,
) -> None:
    """Carry leads both ways through conflicts, a row lock and two outages, then compare both sides.

    Brings everything it needs: a broker, a pretend application, a pretend CRM, SQLite. Exit status 0 only if nothing
    was lost, nothing stands twice and nothing differs.
    """
    with tempfile.TemporaryDirectory(prefix="sync-demo-") as scratch:
        place = folder or Path(scratch)
        passed = keep_up(place) if stay else play_link(place, each) if link else play(place, leads, contacts)
    raise typer.Exit(0 if passed else 1)


def play(folder: Path, leads: int, contacts: int) -> bool:
    """Play the demonstration and print its report as one line of JSON."""
    import orjson

    from sync_system.sandbox.demo import Demo
    from sync_system.sandbox.stack import Stack

    terminal = Terminal()
    terminal.say("starting a broker, a pretend application, a pretend CRM and the service between them")
    with Stack(folder) as stack:
        stack.service.up()
        terminal.say("all are up")
        report = Demo(stack, terminal, leads, contacts).run()
    summary = "both sides hold the same" if report["ok"] else "the two sides do not agree"
    terminal.say(f"{summary}: {report['leads']:,} leads, counted by SQL on their own databases")
    typer.echo(orjson.dumps(report).decode())
    return bool(report["ok"])


def play_link(folder: Path, each: int) -> bool:
    """Play the demonstration of two full systems and print its report as one line of JSON."""
    import orjson

    from sync_system.sandbox.demo_link import LinkDemo
    from sync_system.sandbox.stack import Stack

    terminal = Terminal()
    terminal.say("starting a broker, a pretend application and a pretend CRM; the service stays down")
    with Stack(folder) as stack:
        report = LinkDemo(stack, terminal, each).run()
    summary = "both sides hold the same people" if report["ok"] else "the two sides do not agree"
    terminal.say(f"{summary}, counted on their own databases against the truth")
    typer.echo(orjson.dumps(report).decode())
    return bool(report["ok"])


def keep_up(folder: Path) -> bool:
    """Start the same stack and leave it running until somebody has seen enough."""
    import signal

    from sync_system.sandbox.stack import Stack

    terminal = Terminal()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways to end it take everything down in order
    try:
        with Stack(folder, port=8080) as stack:
            stack.service.up()
            environment = stack.write_environment()
            terminal.say(f"service      {stack.service.url}  (what it offers: /openapi.json)")
            terminal.say(f"application  {stack.application.url}  (its staff's side under /sandbox)")
            terminal.say(f"CRM          {stack.crm.url}  (its agents' side under /sandbox)")
            terminal.say(f"broker       {stack.broker.url}")
            terminal.say(f"other commands against it:  set -a; . {environment}; set +a; sync-system status")
            terminal.say(f"data and logs in {folder}; Ctrl-C ends it all")
            signal.pause()
    except KeyboardInterrupt:
        terminal.say("ended")
    return True
