"""`sync-system compare`: both sides as they are, row by row and field by field."""

from typing import Annotated

import typer

from sync_system.cli.endings import DIFFERENT
from sync_system.cli.options import Config, Debug

MOST_LISTED = 50


def compare(
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let the running service look at what differs and put it right.")
    ] = False,
    values: Annotated[bool, typer.Option("--values", help="Show the values; they are personal data.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="How many differences are listed.")] = MOST_LISTED,
    debug: Debug = False,
) -> None:
    """Compare every row of every system with the ledger: counts, links, and each mapped field.

    A change that is still on its way shows as a difference, with the state of its transaction. Exit code 3 if anything
    differs.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.compare import compare_all, print_comparison

    settings = read_settings(config)
    comparison, listed = run_loop(compare_all(settings, limit, repair=repair))
    print_comparison(comparison, listed, json=json, values=values)
    if not comparison.equal:
        raise typer.Exit(DIFFERENT)
