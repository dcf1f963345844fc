"""The sandbox's configuration with changes, so that every test runs on what `make demo` runs on."""

from collections.abc import Mapping
from typing import Any

import yaml

from sync_system.sandbox.stack import CONFIGURATION


def configured(changes: Mapping[str, Any]) -> str:
    """Return the sandbox's configuration with values put over it, block by block; None takes a key out."""
    values = yaml.safe_load(CONFIGURATION.read_text())
    return yaml.safe_dump(_over(values, changes), sort_keys=False)


def _over(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(old.get(name), Mapping):
            merged[name] = _over(old[name], value)
        else:
            merged[name] = value
    return merged
