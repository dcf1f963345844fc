"""A message corrected by a person: single values set, or its data replaced."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sync_system.errors import InvalidValue

Json = dict[str, Any]


def assignments(pairs: Sequence[str]) -> dict[str, Any]:
    """Read `path=value` pairs, the value as JSON where it is that, else as text; raise InvalidValue."""
    found: dict[str, Any] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        if not equals or not all(path.split(".")):
            raise InvalidValue("set", f"{pair!r} is not of the form path=value, like data.email=ada@example.com")
        found[path] = _read(value)
    return found


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def corrected(message: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Return a copy of a message with these values at these dotted paths; raise InvalidValue where there is no place."""
    made = copy.deepcopy(dict(message))
    for path, value in values.items():
        *blocks, name = path.split(".")
        place = made
        for block in blocks:
            if place.get(block) is None:
                place[block] = {}
            place = place[block]
            if not isinstance(place, dict):
                raise InvalidValue("set", f"{path}: {block!r} holds no fields")
        place[name] = value
    return made


def replaced(message: Mapping[str, Any] | None, content: Any) -> Json:
    """Return the message with other data, or the content itself if it is a whole message; raise InvalidValue."""
    if not isinstance(content, dict):
        raise InvalidValue("data", "the file holds no JSON object")
    if "specversion" in content:
        return content
    if message is None:
        raise InvalidValue("data", "the rejected message is no JSON, so the file must hold a whole message")
    return {**message, "data": content}
