"""From the file to the settings: read, put variables in, validate every block, and tell all that is wrong at once."""

import os
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from sync_system.connectors.registry import ConnectorType
from sync_system.domain.objects import ObjectSpec
from sync_system.errors import ConfigurationError
from sync_system.settings.blocks import ObjectBlock, Root, SystemBlock, SystemObjectBlock
from sync_system.settings.document import Document, read
from sync_system.settings.model import Settings, SystemObjectSettings, SystemSettings
from sync_system.settings.problems import Path, Problem, unknown
from sync_system.settings.references import check_mapping, check_object, check_system
from sync_system.settings.translation import object_spec
from sync_system.settings.validation import Validator, keys_of
from sync_system.settings.variables import Resolver

# Names become parts of queue names, routing keys and event types.
NAMES = {"systems": re.compile(r"[a-z][a-z0-9_-]{0,62}\Z"), "objects": re.compile(r"[a-z][a-z0-9_]{0,62}\Z")}
RESERVED = frozenset({"operator"})  # the source of what people change by hand
SYSTEM_KEYS, OBJECT_KEYS = keys_of(SystemBlock), keys_of(SystemObjectBlock)


def load(
    path: FilePath, connector_types: Mapping[str, ConnectorType], environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the configuration file; raise ConfigurationError with every problem's line and path."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from exc
    return load_text(text, connector_types, environ, name=str(path), folder=path.parent)


def load_text(
    text: str,
    connector_types: Mapping[str, ConnectorType],
    environ: Mapping[str, str] | None = None,
    *,
    name: str = "sync.yaml",
    folder: FilePath = FilePath(),
) -> Settings:
    """Read a configuration; `folder` is where relative names of secret files begin."""
    document = read(text, name)
    resolver = Resolver(os.environ if environ is None else environ, folder)
    values = resolver.resolve(document.values)
    reader = Reader(Validator(resolver.hidden), connector_types)
    settings = reader.settings(values)
    blind = {problem.path for problem in resolver.problems}  # a missing variable says all; its empty value nothing
    found = [problem for problem in reader.validator.problems if problem.path not in blind]
    problems = [*document.problems, *resolver.problems, *found]
    if problems or settings is None:
        raise _error(document, problems)
    return settings


def _error(document: Document, problems: list[Problem]) -> ConfigurationError:
    ordered = sorted(problems, key=lambda problem: document.line(problem.path))
    sentences = tuple(dict.fromkeys(document.sentence(problem) for problem in ordered))
    count = f"{len(sentences)} problems" if len(sentences) > 1 else "a problem"
    return ConfigurationError(f"{document.name} has {count}:\n" + "\n".join(sentences), sentences)


class Reader:
    """Takes the file apart into blocks, each for its own model."""

    def __init__(self, validator: Validator, connector_types: Mapping[str, ConnectorType]) -> None:
        self.validator, self._types = validator, connector_types

    def settings(self, values: Any) -> Settings | None:
        """Return the settings as far as they can be read; problems are with the validator."""
        if not isinstance(values, dict):
            self.validator.note((), "expected a block of keys: database, broker, systems, …")
            return None
        root = self._root(values)
        objects = self._objects(self._named(values, "objects"))
        specs = {name: object_spec(name, block) for name, block in objects.items()}
        for name, block in objects.items():
            check_object(self.validator, name, block, specs[name])
        raw = self._named(values, "systems")
        if not raw:
            self.validator.note(("systems",), "there is none: name at least the application and one CRM")
        systems = {name: system for name in raw if (system := self._system(name, raw[name], specs))}
        return Settings(root, objects, systems) if root else None

    def _root(self, values: dict[Any, Any]) -> Root | None:
        known = keys_of(Root)
        for key in values:
            if key not in known and key not in {"objects", "systems"} and not str(key).startswith("x-"):
                self.validator.note((key,), unknown("key", key, {*known, "objects", "systems"}))
        return self.validator.block(Root, {key: value for key, value in values.items() if key in known}, ())

    def _named(self, values: dict[Any, Any], key: str) -> dict[str, Any]:
        """Return the blocks of objects or systems whose names can be used."""
        blocks = values.get(key)
        if not isinstance(blocks, dict):
            if blocks is not None:
                self.validator.note((key,), "expected a block of names")
            return {}
        return {name: block for name, block in blocks.items() if self._usable(key, name)}

    def _usable(self, key: str, name: Any) -> bool:
        if not isinstance(name, str) or not NAMES[key].match(name):
            letters = "a-z, 0-9, _ and -" if key == "systems" else "a-z, 0-9 and _"
            self.validator.note((key, name), f"a name begins with a small letter and has {letters} only")
        elif name in RESERVED or (key == "objects" and name in SYSTEM_KEYS):
            self.validator.note((key, name), "this name has another meaning already; choose another")
        else:
            return True
        return False

    def _objects(self, raw: dict[str, Any]) -> dict[str, ObjectBlock]:
        objects = {"lead": ObjectBlock()}
        for name, block in raw.items():
            objects[name] = self.validator.block(ObjectBlock, block, ("objects", name)) or ObjectBlock()
        return objects

    def _system(self, name: str, raw: Any, specs: Mapping[str, ObjectSpec]) -> SystemSettings | None:
        path: Path = ("systems", name)
        if not isinstance(raw, dict):
            self.validator.note(path, "expected a block of keys")
            return None
        common = self.validator.block(SystemBlock, {key: raw[key] for key in raw if key in SYSTEM_KEYS}, path)
        if common:
            check_system(self.validator, path, common)
        kind = self._kind(raw, path)
        if kind is None:
            return None
        settings = self._own(kind.settings, raw, path, {*SYSTEM_KEYS, *specs})
        objects = {
            key: object
            for key in raw
            if key in specs and (object := self._object(kind, raw[key], (*path, key), specs[key]))
        }
        if not any(key in raw for key in specs):
            self.validator.note(path, f"syncs nothing: it needs a block for one of {', '.join(specs)}")
        return SystemSettings(name, common, settings, objects) if common and settings else None

    def _kind(self, raw: dict[Any, Any], path: Path) -> ConnectorType | None:
        name = raw.get("connector")
        if isinstance(name, str) and name not in self._types:
            self.validator.note((*path, "connector"), unknown("connector", name, self._types))
        return self._types.get(name) if isinstance(name, str) else None

    def _own(self, model: type[BaseModel], raw: dict[Any, Any], path: Path, taken: set[str]) -> BaseModel | None:
        """Validate the connector's own keys; one that nobody knows may be meant for any of the others."""
        known = keys_of(model) | taken
        for key in raw:
            if key not in known:
                self.validator.note((*path, key), unknown("key", key, known))
        own = {key: value for key, value in raw.items() if key in known - taken}
        return self.validator.block(model, own, path)

    def _object(self, kind: ConnectorType, raw: Any, path: Path, spec: ObjectSpec) -> SystemObjectSettings | None:
        if not isinstance(raw, dict):
            self.validator.note(path, "expected a block of keys")
            return None
        ours = {key: value for key, value in raw.items() if key in OBJECT_KEYS}
        common = self.validator.block(SystemObjectBlock, ours, path)
        if common:
            check_mapping(self.validator, (*path, "fields"), common.fields, spec)
        settings = self._own(kind.object_settings, raw, path, OBJECT_KEYS)
        return SystemObjectSettings(settings, common.fields, common.reports) if common and settings else None
