"""`sync-system status`: what waits where, at a glance."""

from typing import Annotated

import typer

from sync_system.cli.endings import FAILED
from sync_system.cli.options import Config, Debug


def status(
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Show for each system what waits, and for each queue how full it is and who reads it.

    Exit code 1 if the broker does not answer; what the ledger knows is shown all the same.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.status import ask, print_status

    overview = run_loop(ask(read_settings(config)))
    print_status(overview, json=json)
    if overview.broker:
        typer.echo(f"sync-system: {overview.broker}", err=True)
        raise typer.Exit(FAILED)
