"""`sync-system backfill`: one system brought up to date, after the configuration has changed."""

from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The system that is brought up to date.")]
Fields = Annotated[
    list[str] | None, typer.Option("--fields", metavar="FIELD", help="Only what these tell; may be repeated.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")]


def backfill(
    system: System,
    config: Config = None,
    object: Annotated[str, typer.Option(help="The kind of record.")] = "lead",
    fields: Fields = None,
    dry_run: DryRun = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Bring a system up to date after a system, an object or a field was added to the configuration.

    Reads what the other systems hold, takes in what is new, and plans every record for the system; the running service
    delivers it behind what people do. Stopped, it goes on with the same command.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.backfill import Order, backfill_all

    order = Order(system, object, tuple(fields or ()), dry_run, json)
    run_loop(backfill_all(read_settings(config), order))
