"""Secrets come from outside the file: `${NAME}` from the environment, `${file:/run/secrets/name}` from a file.

`$${` stands for the characters `${`. What comes from outside is never shown, not even in an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from sync_system.settings.problems import Path, Problem

VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[^}\n]*)(?P<end>\}?)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(slots=True)
class Resolver:
    """Puts values in the place of variables. `hidden`: the paths whose values must not be shown."""

    environ: Mapping[str, str]
    folder: FilePath
    problems: list[Problem] = field(default_factory=list)
    hidden: set[Path] = field(default_factory=set)

    def resolve(self, value: Any, path: Path = ()) -> Any:
        """Return the value with all variables in it replaced; note those that are missing."""
        if isinstance(value, dict):
            return {key: self.resolve(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, (*path, number)) for number, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return VARIABLE.sub(lambda found: self._one(found, path), value)
        return value

    def _one(self, found: re.Match[str], path: Path) -> str:
        if found["name"] is None:
            return "${"
        self.hidden.add(path)
        name = found["name"].strip()
        if not found["end"]:
            self.problems.append(Problem(path, "a variable is not closed: write ${NAME}"))
        elif name.startswith("file:"):
            return self._file(name.removeprefix("file:").strip(), path)
        elif not NAME.match(name):
            self.problems.append(Problem(path, "a variable is written ${NAME} or ${file:/run/secrets/name}"))
        elif name not in self.environ:
            self.problems.append(Problem(path, f"the environment variable {name} is not set{self._meant(name)}"))
        else:
            return self.environ[name]
        return ""

    def _meant(self, name: str) -> str:
        """Return which variable was probably meant; all of them would be too many to list."""
        close = get_close_matches(name, self.environ, n=1, cutoff=0.75)
        return f"; did you mean {close[0]}?" if close else ""

    def _file(self, name: str, path: Path) -> str:
        try:
            return (self.folder / name).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is no UTF-8 text"
            self.problems.append(Problem(path, f"the file {name} cannot be read: {reason}"))
            return ""
