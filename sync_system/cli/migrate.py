"""`sync-system migrate`: the ledger's schema, brought to what this version needs."""

import typer

from sync_system.cli.options import Config, Debug
from sync_system.cli.run import Seconds


def migrate(config: Config = None, wait: Seconds = 60.0, debug: Debug = False) -> None:
    """Bring the ledger to the schema of this version; harmless if it is there already."""
    from sync_system.cli.opening import opened, read_settings, run_loop
    from sync_system.cli.waiting import bring_up_to_date, wait_for_ledger

    settings = read_settings(config, quiet=False)

    async def main() -> str:
        async with opened(settings) as core:
            await wait_for_ledger(core, wait)
            return await bring_up_to_date(core, migrate=True)

    typer.echo(f"the ledger is at schema {run_loop(main())}")
