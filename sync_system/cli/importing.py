"""`sync-system import`: leads from a CSV file, published like those of any other system."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sync_system.cli.endings import FAILED
from sync_system.cli.options import Config, Debug


class Verb(StrEnum):
    """What an imported row is an event of: one new to the sync, or one that has changed."""

    CREATED = "created"
    UPDATED = "updated"


File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The CSV file.")]
System = Annotated[str, typer.Option(help="The system that the leads are from.")]
Id = Annotated[str, typer.Option(metavar="COLUMN", help="The column with each row's id in that system.")]
Time = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column that says when a row was so; else when the file was written."),
]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="What a column holds; may be repeated.")
]
Encoding = Annotated[str | None, typer.Option(help="The file's encoding; UTF-8 if not given.")]
Delimiter = Annotated[str | None, typer.Option(help="What stands between cells; found out if not given.")]
ClearEmpty = Annotated[
    bool, typer.Option("--clear-empty", help="An empty cell clears the field; else it says nothing.")
]
RefusedFile = Annotated[
    Path | None, typer.Option("--refused", metavar="FILE", help="Write the refused rows' lines and reasons here.")
]


def import_(
    file: File,
    system: System,
    id: Id,
    config: Config = None,
    object: Annotated[str, typer.Option(help="The kind of record.")] = "lead",
    time: Time = None,
    map: Map = None,
    verb: Annotated[Verb, typer.Option(help="What the rows are events of.")] = Verb.CREATED,
    clear_empty: ClearEmpty = False,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    refused: RefusedFile = None,
    debug: Debug = False,
) -> None:
    """Publish the rows of a CSV file as events; the service, now or later, takes them in.

    Columns named like a field are taken; others are named with --map. To import the same file again changes nothing.
    Exit code 1 if nothing could be published.
    """
    from producers.importer import Options
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.importing import Order, import_all, print_report

    options = Options(id, columns_of(map or []), time, verb, clear_empty, encoding, delimiter)
    settings = read_settings(config)
    progress, note = run_loop(import_all(settings, Order(file, system, object, options)))
    print_report(progress, note, refused)
    if progress.published == 0:
        raise typer.Exit(FAILED)


def columns_of(pairs: list[str]) -> dict[str, str]:
    """Read `column=field` pairs."""
    columns = {}
    for pair in pairs:
        column, equals, field = pair.partition("=")
        if not (column and equals and field):
            raise typer.BadParameter(f"{pair!r} is not of the form COLUMN=FIELD", param_hint="--map")
        columns[column.strip()] = field.strip()
    return columns
