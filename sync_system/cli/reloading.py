"""The configuration file, read again while the service runs: schedules, caps and limits change without a restart."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from sync_system.bootstrap import Core
from sync_system.connectors.registry import connector_types
from sync_system.errors import ConfigurationError
from sync_system.settings import Settings, load

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
# What `Core.adopt` takes over.
LIVE_KEYS = frozenset({"replay", "rate", "reconcile"})


class Reloader:
    """Watches the file that a core was built from, and listens for SIGHUP."""

    def __init__(self, core: Core, path: Path) -> None:
        self._core, self._path = core, path
        self._known = self._look()
        self._asked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Read the file whenever it has changed, until told to stop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        while not stop.is_set():
            waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._asked.wait())]
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()
            seen = self._look()
            if not stop.is_set() and (self._asked.is_set() or seen != self._known):
                self._asked.clear()
                self._known = seen
                self.reload()

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:  # an editor that writes the file anew
            return None
        return found.st_mtime_ns, found.st_size

    def reload(self) -> None:
        """Read the file and take over what may change; one that is wrong changes nothing."""
        kinds = connector_types()
        try:
            settings = load(self._path, kinds)
        except ConfigurationError as exc:
            log.error("configuration.refused", problems=[str(exc), *exc.problems])  # noqa: TRY400  # it says where and why
            return
        fixed = needing_restart(self._core.settings, settings)
        if set(settings.systems) != set(self._core.settings.systems):
            log.warning("configuration.needs_restart", keys=fixed)
            return
        self._core.adopt(settings, kinds)
        log.info("configuration.reloaded", needs_restart=fixed)


def needing_restart(old: Settings, new: Settings) -> list[str]:
    """Return the keys that differ and take effect only after a restart, like `systems.crm.delivery`."""
    keys = changed("", old.root.model_dump(), new.root.model_dump())
    keys += changed("objects.", _dumped(old.objects), _dumped(new.objects))
    keys += [f"systems.{name}" for name in sorted(set(old.systems) ^ set(new.systems))]
    for name in sorted(set(old.systems) & set(new.systems)):
        before, after = old.systems[name], new.systems[name]
        common = changed(f"systems.{name}.", before.common.model_dump(), after.common.model_dump())
        keys += [key for key in common if key.rpartition(".")[2] not in LIVE_KEYS]
        if (before.settings, before.objects) != (after.settings, after.objects):
            keys.append(f"systems.{name}")
    return sorted(set(keys))


def _dumped(models: Mapping[str, Any]) -> dict[str, Any]:
    return {name: model.model_dump() for name, model in models.items()}


def changed(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys of two mappings whose values differ."""
    return [f"{prefix}{key}" for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
