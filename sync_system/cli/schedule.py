"""`sync-system schedule …`: when failures are replayed, and what another schedule would have made of the past."""

from typing import Annotated

import typer

from sync_system.cli.options import Config, Debug, Json

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The destination.")]


def group() -> typer.Typer:
    """Return the commands about replay schedules."""
    from sync_system.cli.endings import Commands

    app = typer.Typer(cls=Commands, no_args_is_help=True, help="When failures are replayed, and whether that is right.")
    app.command()(preview)
    app.command()(simulate)
    return app


def preview(
    system: System,
    config: Config = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1_000, help="How many.")] = 10,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show when the failures of a system are replayed next, in the schedule's time zone and by this machine's clock."""
    from sync_system.cli.opening import known_system, read_settings
    from sync_system.cli.screens.schedule import print_preview

    settings = read_settings(config)
    known_system(settings, system)
    print_preview(settings, system, n, json=json)


def simulate(
    system: System,
    config: Config = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="TEXT", help="`every 30m`, or five cron fields; else the configured one.")
    ] = None,
    max_attempts: Annotated[int | None, typer.Option(min=1, help="The cap; else the configured one.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of a cron schedule.")] = None,
    since: Annotated[str, typer.Option(metavar="T", help="Begin then: 30m, 4h, 7d ago, or a time.")] = "30d",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Try a schedule on the failures that were recorded, beside what really happened. Nothing is changed.

    What it assumes: a record is accepted from the moment on at which it really was, and fails at every earlier try; one
    that never was fails for ever. A failure that was charged is charged at each try, one that was not (an outage) at
    none. What the system refused outright is parked by any schedule. `give_up_after` is the configured one.
    """
    from sync_system.cli.opening import known_system, read_settings, run_loop
    from sync_system.cli.screens.schedule import Trial, print_rehearsal, rehearse_all
    from sync_system.cli.times import since as moment

    settings = read_settings(config)
    known_system(settings, system)
    trial = Trial(settings, system, schedule, timezone, max_attempts, moment(since, "--since"))
    print_rehearsal(trial, run_loop(rehearse_all(trial)), json=json)
