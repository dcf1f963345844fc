"""All commands put together, one module for each group."""

from collections.abc import Callable
from typing import Annotated

import typer

from sync_system.cli import (
    backfill,
    check,
    compare,
    config,
    demo,
    failures,
    importing,
    link,
    migrate,
    pausing,
    recover,
    rejected,
    retrying,
    run,
    schedule,
    show,
    status,
)
from sync_system.cli.endings import Commands
from sync_system.cli.options import DEFAULT_CONFIG, Invocation, RootConfig, RootDebug

EPILOG = "Exit codes: 0 done; 1 not done, stderr says why; 2 not understood; 3 `compare` found differences."

FUNCTIONS: tuple[Callable[..., None], ...] = (
    run.run, demo.demo, check.check, status.status, compare.compare, link.link, backfill.backfill, migrate.migrate, failures.failures, show.show,
    retrying.retry, retrying.park, pausing.pause, pausing.resume, recover.recover,
)  # fmt: skip


def commands() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, epilog=EPILOG)
    app.callback()(root)
    for function in FUNCTIONS:
        app.command()(function)
    app.add_typer(rejected.group(), name="rejected")
    app.add_typer(schedule.group(), name="schedule")
    app.command("import")(importing.import_)
    app.add_typer(config.group(), name="config")
    return app


def root(
    context: typer.Context,
    config: RootConfig = DEFAULT_CONFIG,
    debug: RootDebug = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Carry leads between an application and its CRMs, over RabbitMQ."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("sync-system"))
        raise typer.Exit
    context.obj = Invocation(config, debug)
