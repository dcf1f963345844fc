"""From the configuration file to the core, for commands that need it open."""

import gc
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sync_system.bootstrap import Core, build
from sync_system.cli import logs
from sync_system.cli.options import DEFAULT_CONFIG
from sync_system.connectors.registry import connector_types
from sync_system.errors import ConfigurationError
from sync_system.settings import Settings, load
from sync_system.settings.problems import unknown

T = TypeVar("T")


def read_settings(path: Path | None, *, quiet: bool = True) -> Settings:
    """Read the configuration file and set up the log, for a `quiet` command of errors only; raise ConfigurationError."""
    settings = load(path or DEFAULT_CONFIG, connector_types())
    log = settings.root.log
    logs.set_up(log.format, "error" if quiet else log.level)
    return settings


def known_system(settings: Settings, name: str | None) -> None:
    """Raise ConfigurationError, with what was probably meant, if there is no system of that name."""
    if name is not None and name not in settings.systems:
        raise ConfigurationError(unknown("system", name, settings.systems))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Core]:
    """Give the core for as long as the block runs; nothing is connected before it is used."""
    core = build(settings, connector_types())
    try:
        yield core
    finally:
        await core.aclose()


def spare_the_collector() -> None:
    """Let the garbage collector pass over what stays for ever, and look less often at what a batch makes anew."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the quickest event loop there is."""
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        import asyncio

        return asyncio.run(main)
    return uvloop.run(main)
