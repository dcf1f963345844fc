"""`sync-system run`: the service itself, all of its roles in one process or some of them."""

from enum import StrEnum
from typing import Annotated

import typer

from sync_system.cli.options import DEFAULT_CONFIG, Config, Debug

Seconds = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for broker and database.")]


class Role(StrEnum):
    """What a process can do; each can run in as many processes as are needed."""

    INTAKE = "intake"
    DELIVERY = "delivery"
    REPLAY = "replay"
    POLL = "poll"
    API = "api"


def run(
    config: Config = None,
    role: Annotated[list[Role] | None, typer.Option(help="Run only this role; may be repeated.")] = None,
    migrate: Annotated[bool, typer.Option(help="Bring the ledger to the newest schema first.")] = True,
    wait: Seconds = 60.0,
    debug: Debug = False,
) -> None:
    """Run the service until it is told to stop.

    It waits for RabbitMQ and the database, logs to stderr, and says `service.ready` once it is at work. SIGTERM and
    SIGINT end it after what is in flight, within 30 seconds; a second one ends it at once.
    """
    from sync_system.cli.opening import opened, read_settings, run_loop, spare_the_collector
    from sync_system.cli.service import serve

    settings = read_settings(config, quiet=False)

    async def main() -> None:
        async with opened(settings) as core:
            spare_the_collector()
            roles = [str(one) for one in role or Role]
            await serve(core, roles, config or DEFAULT_CONFIG, migrate=migrate, wait=wait)

    run_loop(main())
