"""Places in a JSON document, written as names and indexes with dots between: `error.code`, `items.0.id`, "" for all.

Paths are made into functions once, because every row of every batch is read through them.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

Getter = Callable[[Any], Any]


@lru_cache(maxsize=1_024)
def getter(path: str | None) -> Getter:
    """Return the function that reads what stands at a path, None if there is nothing."""
    if path is None:
        return lambda _: None
    if not path:
        return lambda document: document
    if "." not in path:
        return lambda document: document.get(path) if isinstance(document, dict) else _item(document, path)
    steps = [getter(step) for step in path.split(".")]

    def follow(document: Any) -> Any:
        for step in steps:
            document = step(document)
        return document

    return follow


def _item(document: Any, step: str) -> Any:
    if isinstance(document, list) and step.isdigit() and int(step) < len(document):
        return document[int(step)]
    return None


def found(document: Any, path: str | None) -> Any:
    """Return what stands at a path, None if there is nothing."""
    return getter(path)(document)


def as_text(value: Any) -> str | None:
    """Return a scalar as text, None for nothing and for what is no scalar."""
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, dict | list) else str(value)


def text_at(document: Any, path: str | None) -> str | None:
    """Return what stands at a path as text."""
    return as_text(getter(path)(document))


def values_reader(names: Iterable[str]) -> Callable[[Any], dict[str, Any]]:
    """Return the function that reads the own fields a document holds, also those inside of others (`address.city`)."""
    flat = [name for name in names if "." not in name]
    deep = [(name, getter(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in names if "." in name]

    def read(document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            return {}
        values = {name: document[name] for name in flat if name in document}
        for name, parent_of, last in deep:
            parent = parent_of(document)
            if isinstance(parent, dict) and last in parent:
                values[name] = parent[last]
        return values

    return read


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put values whose names have dots inside of the objects that they belong to."""
    document: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = name.split(".")
        inner = document
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return document
