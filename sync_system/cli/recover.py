"""`sync-system recover`: after the broker's data is gone, everything that the ledger remembers is put right again."""

import orjson
import typer

from sync_system.cli.options import Config, Debug, Json


def recover(
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Repair from the ledger what a broker without its data, or a crash, has left behind.

    Declares the queues; empties those that only point into the ledger and writes their messages anew; returns claims
    whose worker is gone; gives back what an outage was charged. Repeating it does no harm, and the service may run.
    Events that were published and not yet taken in went with the broker: publish them again, or run `compare --repair`.
    """
    from dataclasses import asdict

    from sync_system.cli.opening import opened, read_settings, run_loop
    from sync_system.services.recovering import Recovered

    settings = read_settings(config)

    async def main() -> Recovered:
        async with opened(settings) as core:
            return await core.recovering().recover()

    done = run_loop(main())
    if json:
        typer.echo(orjson.dumps(asdict(done)).decode())
        return
    typer.echo(f"queues declared: {done.queues}")
    typer.echo(f"failed transactions announced to their queues: {done.announced}")
    typer.echo(f"rejected messages listed: {done.pointers}")
    typer.echo(f"claims returned whose worker was gone: {done.returned}")
    typer.echo(f"charges given back: {done.given_back}")
