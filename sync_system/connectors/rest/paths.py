"""Places in a JSON document, written as names and indexes with dots between: `error.code`, `items.0.id`, "" for all."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1_024)
def steps(path: str) -> tuple[str, ...]:
    """Return the names on a path."""
    return tuple(path.split(".")) if path else ()


def found(document: Any, path: str | None) -> Any:
    """Return what stands at a path, None if there is nothing."""
    if path is None:
        return None
    for step in steps(path):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def text_at(document: Any, path: str | None) -> str | None:
    """Return what stands at a path as text, None for nothing and for what is no scalar."""
    value = found(document, path)
    return None if value is None or isinstance(value, dict | list) else str(value)


def values_at(document: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the own fields that a document holds, also those inside of others (`address.city`)."""
    if not isinstance(document, Mapping):
        return {}
    values = {name: document[name] for name in names if name in document}
    for name in names:
        *parents, last = steps(name)
        if parents and isinstance(parent := found(document, ".".join(parents)), Mapping) and last in parent:
            values[name] = parent[last]
    return values


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put values whose names have dots inside of the objects that they belong to."""
    if not any("." in name for name in values):
        return dict(values)
    document: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = steps(name)
        inner = document
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return document
