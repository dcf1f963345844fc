"""`sync-system link`: two systems that are already full, told apart and then linked."""

from pathlib import Path
from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug

First = Annotated[str, typer.Argument(metavar="APPLICATION", help="One system.")]
Second = Annotated[str, typer.Argument(metavar="CRM", help="The other system.")]
Apply = Annotated[bool, typer.Option("--apply", help="Link what was found; without it nothing is written anywhere.")]
Prefer = Annotated[
    str,
    typer.Option(
        metavar="newest|SYSTEM|blank-only", help="Whose value stays where both have one; blank-only leaves both alone."
    ),
]
Create = Annotated[
    str,
    typer.Option(metavar="both|SYSTEM|none", help="Where rows are created for what stands on the other side only."),
]
RunId = Annotated[str | None, typer.Option("--run", metavar="RUN", help="An earlier run; else the last one.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Read both systems anew, whatever was read before.")]
Unlink = Annotated[
    str | None, typer.Option("--unlink", metavar="RUN", help="Take the links of a run back; no row is touched.")
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write a line for each row and field; personal data.")
]


def link(
    first: First,
    second: Second,
    config: Config = None,
    object: Annotated[str, typer.Option(help="The kind of record.")] = "lead",
    apply: Apply = False,
    prefer: Prefer = "newest",
    create: Create = "both",
    run: RunId = None,
    fresh: Fresh = False,
    unlink: Unlink = None,
    csv: Csv = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Find out who is who in two systems that were filled apart, and link them with --apply.

    Reads both, writes to neither. A run that was stopped goes on with the same command. Rows that nobody can tell apart
    are put aside for a person; the running service delivers the rest, behind what people do.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.link import Order, link_all, print_run

    order = Order((first, second), object, prefer, create, apply, run, fresh, unlink, csv, not json)
    print_run(run_loop(link_all(read_settings(config), order)), order, json=json)
