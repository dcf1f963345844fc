"""`sync-system show`: the whole story of one lead."""

from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug, Json

Name = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A transaction's id, a record's id, SYSTEM:ROW, an email address or a phone number."
    ),
]


def show(
    name: Name,
    config: Config = None,
    calls: Annotated[bool, typer.Option("--calls", help="With what was sent and answered.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show all that is known of a lead: each field and who set it, its rows, what arrived, what was tried, what is next.

    Its values are personal data. A call carries a whole batch: --calls shows what stands in it of other leads, too.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens.story import ask, print_story

    story = run_loop(ask(read_settings(config), name, calls=calls))
    print_story(story, json=json)
