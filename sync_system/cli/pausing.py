"""`sync-system pause` and `resume`: whether anything is delivered to a system, decided by a person."""

import getpass
from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug

System = Annotated[str, typer.Argument(help="The system, as it is called in the configuration.")]


def pause(
    system: System,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks next.")],
    config: Config = None,
    debug: Debug = False,
) -> None:
    """Deliver nothing to a system until it is resumed, whatever restarts meanwhile.

    What is planned for it waits; what it reports is taken in all the same. Calls that are under way come to their end.
    """
    from sync_system.cli.opening import opened, read_settings, run_loop
    from sync_system.services.pausing import pause as pausing

    settings = read_settings(config)

    async def main() -> None:
        async with opened(settings) as core:
            await pausing(core.db, core.settings.systems, system, getpass.getuser(), reason, core.clock())

    run_loop(main())
    typer.echo(f"{system} is paused: nothing is delivered to it until `sync-system resume {system}`")


def resume(system: System, config: Config = None, debug: Debug = False) -> None:
    """Deliver to a system again."""
    from sync_system.cli.opening import opened, read_settings, run_loop
    from sync_system.ledger.destinations import Pause
    from sync_system.services.pausing import resume as resuming

    settings = read_settings(config)

    async def main() -> Pause | None:
        async with opened(settings) as core:
            return await resuming(core.db, core.settings.systems, system, core.clock())

    was = run_loop(main())
    if was is None:
        typer.echo(f"{system} was not paused")
    else:
        typer.echo(f"{system} is delivered to again; {was.by} had paused it: {was.reason}")
