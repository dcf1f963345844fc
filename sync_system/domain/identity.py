"""Whether a row that nobody knows yet is a new person, one that is known, or a probable duplicate."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Same:
    """The row is this record's."""

    record: str


@dataclass(frozen=True, slots=True)
class New:
    """Nobody like this is known."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The row stands apart as a probable duplicate of these records until a person decides."""

    candidates: tuple[str, ...]
    reason: str


Identity = Same | New | Apart


def identify(groups: Sequence[Collection[str]], linked: Collection[str]) -> Identity:
    """Decide by the records that each match group found, in order.

    `linked`: those of them that have another row in the reporting system already.
    """
    found = sorted({record for group in groups for record in group})
    if not found:
        return New()
    if len(found) > 1:
        return Apart(tuple(found), "its match values point at several records")
    if found[0] in linked:
        return Apart(tuple(found), "the record with its match value has another row in this system")
    return Same(found[0])


def identify_by_key(record: str, linked: Collection[str]) -> Identity:
    """Decide for a row that carries the key of a record there is."""
    if record in linked:
        return Apart((record,), "it carries the key of a record that has another row in this system")
    return Same(record)
