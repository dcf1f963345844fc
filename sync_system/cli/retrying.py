"""`sync-system retry` and `park`: failed transactions sent on by hand, or kept back."""

from typing import Annotated

import typer

from sync_system.cli.endings import FAILED
from sync_system.cli.options import Config, Debug, Json, OneSystem

IDS = "Ids of transactions; or of records, SYSTEM:ROW, email addresses, phone numbers: all that waits of them."
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help=IDS)]
Fingerprint = Annotated[str | None, typer.Option(metavar="F", help="Those of one cause, as `failures` shows it.")]
Since = Annotated[
    str | None, typer.Option(metavar="T", help="Those that failed last since then: 30m, 4h, 7d ago, or a time.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what a delivery would do now; write nothing.")]
FewFirst = Annotated[bool, typer.Option("--canary", help="A few at first: 1, 5, 25, … until one fails the same again.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def retry(
    ids: Ids = None,
    config: Config = None,
    fingerprint: Fingerprint = None,
    system: OneSystem = None,
    since: Since = None,
    dry_run: DryRun = False,
    canary: FewFirst = False,
    yes: Yes = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Send failed and parked transactions again: each gets one attempt more, and keeps its story and its attempts.

    All conditions that are given must fit. --dry-run foretells, by the rules of a delivery, what would be created or
    changed. The running service delivers; --canary waits for it. Exit code 1 if nothing was there to be retried, or the
    canary was stopped.
    """
    from sync_system.cli.opening import known_system, read_settings, run_loop
    from sync_system.cli.screens import retrying as screen
    from sync_system.cli.times import since as moment

    if not (ids or fingerprint or system or since):
        raise typer.BadParameter("name transactions, or --fingerprint, --system or --since", param_hint="ID")
    settings = read_settings(config)
    known_system(settings, system)
    wanted = screen.Order(ids or None, fingerprint, system, moment(since, "--since") if since else None)
    if dry_run:
        screen.print_forecast(run_loop(screen.foretell(settings, wanted)), json=json)
        return
    if not (yes or ids):
        count = run_loop(screen.count(settings, wanted))
        if count:
            typer.confirm(f"Retry {count:,} transactions?", abort=True, err=True)
    retried = run_loop(screen.retry(settings, wanted, canary=canary, json=json))
    screen.print_retried(retried, json=json)
    if retried.stopped or not retried.moved:
        raise typer.Exit(FAILED)


def park(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help=IDS)],
    reason: Annotated[str, typer.Option(help="Why; it is shown as the error.")],
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Keep pending and failed transactions back until a person retries them, or an edit changes what would be sent.

    Exit code 1 if nothing was there to be parked.
    """
    from sync_system.cli.opening import read_settings, run_loop
    from sync_system.cli.screens import retrying as screen

    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    count = run_loop(screen.park(read_settings(config), ids, reason.strip()))
    screen.print_parked(count, json=json)
    if not count:
        raise typer.Exit(FAILED)
