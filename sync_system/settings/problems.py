"""What is wrong with a configuration: where it stands, in one sentence, with what was probably meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int | bool, ...]
FEW = 12  # so many choices are listed when none comes close


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place."""

    path: Path
    message: str


def shown(path: Path) -> str:
    """Write a path as `systems.hubspot.match[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if type(part) is int else f".{part}" if text else str(part)
    return text


def instead(word: object, known: Iterable[str]) -> str:
    """Return what was probably meant by a word, or what there is, as the end of a sentence."""
    names = sorted({str(name) for name in known})
    close = get_close_matches(str(word).lower(), names, n=1, cutoff=0.6)
    close = close or [name for name in names if name.lower() == str(word).lower()]
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= FEW else ""


def unknown(what: str, word: object, known: Iterable[str]) -> str:
    """Say that there is no such thing, and what was probably meant."""
    return f"unknown {what} {str(word)!r}{instead(word, known)}"
