"""The configuration file as YAML, with the line of every key and item.

Plain values are read by YAML 1.2: only true and false are booleans, so that `no` is a country and `12:30` a text.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from sync_system.errors import ConfigurationError
from sync_system.settings.problems import Path, Problem, shown


class Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's plain values."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _plain(tag: str, pattern: str, first: str) -> None:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_plain("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_plain("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_plain("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-+0123456789")
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where. `lines`: path to line, from 1."""

    name: str
    values: Any
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest block around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def sentence(self, problem: Problem) -> str:
        """Write a problem with its file, line and path."""
        place = f"{self.name}:{self.line(problem.path)}"
        return f"{place}: {shown(problem.path)}: {problem.message}" if problem.path else f"{place}: {problem.message}"


def read(text: str, name: str) -> Document:
    """Read YAML; raise ConfigurationError if it is none, with the line."""
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        document = Document(name, None)
        values = _value(loader, node, (), document) if node is not None else {}
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        sentence = f"{name}:{mark.line + 1 if mark else 1}: this is no YAML: {exc.problem or exc.context}"
        raise ConfigurationError(sentence, (sentence,)) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise ConfigurationError(f"{name}:1: this is no YAML: {exc}", (f"{name}:1: this is no YAML: {exc}",)) from exc
    finally:
        loader.dispose()
    return Document(name, values, document.lines, document.problems)


def _value(loader: Loader, node: yaml.Node, path: Path, document: Document) -> Any:
    """Return a node's value, and note the lines of all that is in it."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, (*path, number), document) for number, item in enumerate(node.value)]
    return loader.construct_object(node)


def _mapping(loader: Loader, node: yaml.MappingNode, path: Path, document: Document) -> dict[Any, Any]:
    own = {id(key) for key, _ in node.value}
    loader.flatten_mapping(node)
    values: dict[Any, Any] = {}
    seen: set[Any] = set()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True) if isinstance(key_node, yaml.ScalarNode) else "?"
        place = (*path, key)
        if id(key_node) in own and key in seen:
            document.problems.append(
                Problem(place, f"stands here a second time, first on line {document.lines[place]}")
            )
        if id(key_node) in own:
            seen.add(key)
        document.lines[place] = key_node.start_mark.line + 1
        values[key] = _value(loader, value_node, place, document)
    return values
