"""`sync-system check`: whether the configuration is right, and everything that it names answers."""

from typing import Annotated

import typer

from sync_system.cli.endings import FAILED
from sync_system.cli.options import Config, Debug


def check(
    config: Config = None,
    offline: Annotated[bool, typer.Option("--offline", help="Check the file alone; connect to nothing.")] = False,
    debug: Debug = False,
) -> None:
    """Check the configuration file, the connections, and the mapping against the fields that each system has.

    Nothing is written to any system. Shows when failures will be replayed. Exit code 1 if there is a problem.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.check import check_all, print_findings

    settings = read_settings(config)
    if not print_findings(run_loop(check_all(settings, offline=offline))):
        raise typer.Exit(FAILED)
