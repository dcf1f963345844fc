"""One block of the file against its model: pydantic's findings as sentences, unknown keys with what was meant."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sync_system.settings.problems import Path, Problem, instead, unknown

M = TypeVar("M", bound=BaseModel)
EXPECTED: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a block of keys",
    "model_type": "expected a block of keys",
    "model_attributes_type": "expected a block of keys",
}


@dataclass(slots=True)
class Validator:
    """Validates blocks and collects what is wrong. `hidden`: the paths whose values must not be shown."""

    hidden: Collection[Path]
    problems: list[Problem] = field(default_factory=list)

    def block(self, model: type[M], raw: Any, path: Path) -> M | None:
        """Return the block as its model, or None with its problems noted."""
        try:
            return model.model_validate({} if raw is None else raw)
        except ValidationError as exc:
            self.problems += self._problems(model, raw, path, exc)
            return None

    def note(self, path: Path, message: str) -> None:
        """Note a problem that no model can see."""
        self.problems.append(Problem(path, message))

    def _problems(self, model: type[BaseModel], raw: Any, path: Path, exc: ValidationError) -> list[Problem]:
        found: dict[Path, Problem] = {}  # a union complains once for each of its members: the first is enough
        for error in exc.errors(include_url=False):
            inner = located(raw, error["loc"], missing=error["type"] == "missing")
            place = (*path, *inner)
            found.setdefault(place, Problem(place, self._sentence(model, error, inner, place)))
        return list(found.values())

    def _sentence(self, model: type[BaseModel], error: ErrorDetails, inner: Path, place: Path) -> str:
        kind = error["type"]
        if kind == "extra_forbidden":
            return unknown("key", inner[-1], keys_at(model, inner[:-1]))
        if kind == "literal_error":
            return self._choice(error["input"], literals_at(model, inner), place)
        return EXPECTED.get(kind) or error["msg"].removeprefix("Value error, ")

    def _choice(self, given: Any, choices: Sequence[Any], place: Path) -> str:
        names = [str(choice) for choice in choices]
        if place in self.hidden or not isinstance(given, str):
            return f"is none of {', '.join(names)}"
        return f"{given!r} is not possible here{instead(given, names)}"


def located(raw: Any, loc: Sequence[int | str], *, missing: bool) -> Path:
    """Return the part of pydantic's location that stands in the file, without the names of models and types."""
    path: list[int | str] = []
    for number, item in enumerate(loc):
        if _has(raw, item):
            path.append(item)
            raw = raw[item]
        elif missing and number == len(loc) - 1:
            path.append(item)
    return tuple(path)


def _has(raw: Any, item: int | str) -> bool:
    if isinstance(raw, dict):
        return item in raw
    return isinstance(raw, list) and isinstance(item, int) and item < len(raw)


def keys_at(model: type[BaseModel], path: Path) -> set[str]:
    """Return the keys that are known at a place in a model."""
    return {key for kind in _kinds(model, path) for key in keys_of(kind)}


def literals_at(model: type[BaseModel], path: Path) -> list[Any]:
    """Return the values that a Literal at a place in a model takes."""
    return [value for kind in _kinds(model, path) if not isinstance(kind, type) for value in get_args(kind)]


def keys_of(kind: Any) -> set[str]:
    """Return the keys that a model takes in the file."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return set()
    return {info.alias or name for name, info in kind.model_fields.items()}


def _kinds(annotation: Any, path: Path) -> Iterator[Any]:
    """Follow a path through models, dicts, lists and unions; yield what may stand at its end."""
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        for member in get_args(annotation):
            yield from _kinds(member, path)
    elif origin is Annotated:
        yield from _kinds(get_args(annotation)[0], path)
    elif not path:
        yield annotation
    else:
        for inner in _step(annotation, origin, path[0]):
            yield from _kinds(inner, path[1:])


def _step(annotation: Any, origin: Any, key: Any) -> list[Any]:
    if origin in {dict, list, Mapping, Sequence, tuple}:
        return [get_args(annotation)[-1]]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [info.annotation for name, info in annotation.model_fields.items() if key in {name, info.alias}]
    return []
