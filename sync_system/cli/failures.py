"""`sync-system failures`: what failed, grouped by its cause, and what to do about each."""

from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug, Json, OneSystem


def failures(
    config: Config = None,
    system: OneSystem = None,
    closed: Annotated[bool, typer.Option("--all", help="Also causes that nothing waits for any more.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what is failed or parked now, grouped by destination and cause, with what to do about each.

    Failed transactions are replayed by themselves on their schedule; parked ones wait for a person.
    """
    from sync_system.cli.opening import known_system, read_settings, run_loop
    from sync_system.cli.screens.failures import ask, print_failures

    settings = read_settings(config)
    known_system(settings, system)
    found, at = run_loop(ask(settings, system, closed=closed))
    print_failures(found, at, json=json)
