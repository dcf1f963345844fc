"""The options that every command has: which configuration file, and whether a bug shows its traceback.

Both may stand before the command or after it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("sync.yaml")


@dataclass(slots=True)
class Invocation:
    """What was said about the call as a whole."""

    config: Path = DEFAULT_CONFIG
    debug: bool = False


def _chosen(context: typer.Context, config: Path | None) -> Path:
    return config or invocation_of(context).config


def _noted(context: typer.Context, debug: bool) -> bool:
    invocation = invocation_of(context)
    invocation.debug = invocation.debug or debug
    return invocation.debug


def invocation_of(context: typer.Context) -> Invocation:
    """Return what was said about the call as a whole."""
    return context.find_object(Invocation) or Invocation()


CONFIG_HELP = "The configuration file; without it $SYNC_CONFIG, else sync.yaml."
DEBUG_HELP = "Show the traceback of an error."

RootConfig = Annotated[
    Path, typer.Option("--config", "-c", envvar="SYNC_CONFIG", show_envvar=False, metavar="FILE", help=CONFIG_HELP)
]
RootDebug = Annotated[bool, typer.Option("--debug", help=DEBUG_HELP)]
Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help=CONFIG_HELP, callback=_chosen, show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", help=DEBUG_HELP, callback=_noted)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OneSystem = Annotated[str | None, typer.Option("--system", metavar="SYSTEM", help="Of this system alone.")]
