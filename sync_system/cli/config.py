"""`sync-system config …`: what editors and people need to write the configuration file."""

import typer


def group() -> typer.Typer:
    """Return the commands about the configuration file."""
    from sync_system.cli.endings import Commands

    app = typer.Typer(cls=Commands, no_args_is_help=True, help="Help with writing the configuration file.")
    app.callback()(nothing)
    app.command()(schema)
    return app


def nothing() -> None:
    """Help with writing the configuration file."""


def schema() -> None:
    """Print the configuration's JSON Schema, for editors that complete and check it."""
    import json

    from sync_system.connectors.registry import connector_types
    from sync_system.settings import json_schema

    typer.echo(json.dumps(json_schema(connector_types()), indent=2))
