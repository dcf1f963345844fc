"""`sync-system rejected …`: messages that could not be taken in, mended and put back."""

from pathlib import Path
from typing import Annotated

import typer

from sync_system.cli.endings import FAILED
from sync_system.cli.options import Config, Debug, Json, OneSystem

Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id, or the beginning of it.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids of messages, or the beginnings of them.")]
File = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", exists=True, dir_okay=False, help="JSON: other data, or a whole message."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="One value, like data.email=ada@example.com; may be repeated."),
]


def group() -> typer.Typer:
    """Return the commands about rejected messages."""
    from sync_system.cli.endings import Commands

    app = typer.Typer(cls=Commands, no_args_is_help=True, help="Messages that could not be taken in.")
    app.command("list")(list_)
    for function in (show, mend, retry, drop):
        app.command()(function)
    return app


def list_(
    config: Config = None,
    system: OneSystem = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the latest first.")] = 50,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the messages that wait for a person, and why each was not taken in."""
    from sync_system.cli.opening import known_system, read_settings, run_loop
    from sync_system.cli.screens import rejected as screen

    settings = read_settings(config)
    known_system(settings, system)
    screen.print_list(run_loop(screen.waiting(settings, system, limit)), json=json)


def show(id: Id, config: Config = None, json: Json = False, debug: Debug = False) -> None:
    """Show a message as it came, and the place of what is wrong with it. It may hold personal data."""
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens import rejected as screen

    screen.print_one(run_loop(screen.get(read_settings(config), id)), json=json)


def mend(
    id: Id, config: Config = None, data: File = None, set: Set = None, json: Json = False, debug: Debug = False
) -> None:
    """Put a corrected message back into its queue. It is checked first, by the rules it will be taken in by.

    A value of --set is JSON where it can be read as that, else text: data.zip='"0123"', data.city=null.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens import rejected as screen

    if (data is None) == (not set):
        raise typer.BadParameter("give either --data or --set", param_hint="--set")
    mended = run_loop(screen.mend(read_settings(config), id, data, set or []))
    screen.print_done("put back", 1, (), json=json, ids=[mended.id])


def retry(ids: Ids, config: Config = None, json: Json = False, debug: Debug = False) -> None:
    """Put messages back as they came: after a change of the configuration, say. Each is checked first.

    Exit code 1 if one of them would be rejected again; it stays where it is.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens import rejected as screen

    done = run_loop(screen.retry(read_settings(config), ids))
    screen.print_done("put back", done.count, done.refused, json=json)
    if done.refused:
        raise typer.Exit(FAILED)


def drop(
    ids: Ids,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the message.")],
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Set messages aside for good. They stay in the ledger, with the reason."""
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens import rejected as screen

    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    count = run_loop(screen.drop(read_settings(config), ids, reason.strip()))
    screen.print_done("dropped", count, (), json=json)
