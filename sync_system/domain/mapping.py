"""A field in two forms: the record's canonical value, and the own form of one system (its names, enums, lengths)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any

from sync_system.domain.fields import Field, FieldType, Value, normal, text
from sync_system.errors import InvalidValue, MappingRefused


class Rule(StrEnum):
    """Who may change a field, seen from one system."""

    TWO_WAY = "two_way"
    AUTHORITATIVE = "authoritative"
    FILL_BLANK = "fill_blank"
    IN_ONLY = "in_only"
    OUT_ONLY = "out_only"
    IGNORE = "ignore"


READ = frozenset({Rule.TWO_WAY, Rule.AUTHORITATIVE, Rule.FILL_BLANK, Rule.IN_ONLY, Rule.OUT_ONLY})
WRITTEN = frozenset({Rule.TWO_WAY, Rule.AUTHORITATIVE, Rule.FILL_BLANK, Rule.OUT_ONLY})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one canonical field stands in one system.

    `to_own`, `from_own`: enum values both ways; empty if they are the same. `max_length`: what the system takes, in
    characters; a longer value is cut if `cut`, else refused. `default`: own value written when the record has none.
    """

    field: Field
    name: str
    rule: Rule = Rule.TWO_WAY
    to_own: Mapping[str, Any] = attribute(default_factory=dict)
    from_own: Mapping[Any, str] = attribute(default_factory=dict)
    max_length: int | None = None
    cut: bool = False
    default: Value = None
    plain: bool = attribute(init=False)
    simple: bool = attribute(init=False)

    def __post_init__(self) -> None:
        """Note once what is asked for every lead: whether both forms are the same, whether it is text and no more."""
        plain = not self.to_own and self.max_length is None and self.default is None
        object.__setattr__(self, "plain", plain)
        simple = self.field.type in {FieldType.TEXT, FieldType.URL} and not self.from_own
        object.__setattr__(self, "simple", simple)

    def read(self, raw: Any, region: str | None = None) -> Value:
        """Return what a system reports, in its own vocabulary and the field type's normal form; raise InvalidValue."""
        if not self.from_own:
            return normal(self.field, raw, region)
        own = None if raw is None else self._own_text(raw)
        if own is not None and own not in self.from_own:
            known = ", ".join(sorted(map(str, self.from_own)))
            raise InvalidValue(self.name, f"{own!r} is not mapped to a value of {self.field.name}; mapped are {known}")
        return own

    def _own_text(self, raw: Any) -> Value:
        return raw if isinstance(raw, bool | int) else text(self.field, raw)

    def to_system(self, value: Value) -> Value:
        """Return a canonical value in the system's own form; raise MappingRefused where its rule says so."""
        if self.plain:
            return value
        if value is None:
            return self.default
        if self.to_own:
            if value not in self.to_own:
                raise MappingRefused(self.name, f"the {self.field.name} {value!r} has no counterpart in this system")
            return self.to_own[value]  # type: ignore[no-any-return, index]
        if self.max_length is not None and isinstance(value, str) and len(value) > self.max_length:
            return self._shortened(value)
        return value

    def _shortened(self, value: str) -> str:
        if not self.cut:
            raise MappingRefused(self.name, f"has {len(value)} characters, the system takes {self.max_length}")
        return value[: self.max_length].rstrip()

    def from_system(self, own: Value, current: Value) -> Value:
        """Return an own value in canonical form; one that `current` already maps to keeps `current`."""
        if self.plain and not self.from_own:
            return own
        with suppress(MappingRefused):  # a current value without an own form is not the one reported
            if self.to_system(current) == own:
                return current
        return self.from_own[own] if self.from_own and own is not None else own

    def means(self, own: Value, value: Value) -> bool:
        """Whether an own value is another name for a canonical one, and so needs no correction."""
        return bool(self.from_own) and own is not None and self.from_own.get(own) == value

    def is_image(self, sent: Value, seen: Value) -> bool:
        """Whether `seen` can be what the system made of `sent`: the same, or a cut of it."""
        return seen == sent or (
            isinstance(seen, str) and isinstance(sent, str) and self.cuttable and sent.startswith(seen)
        )

    @property
    def cuttable(self) -> bool:
        """Whether a shorter text can be the same value, cut; an enum or a number is never cut."""
        return self.field.type in {FieldType.TEXT, FieldType.URL, FieldType.EMAIL, FieldType.PHONE}


@dataclass(frozen=True)
class SystemRules:
    """All that the rules need to know of one system and object. Durations in microseconds.

    `skew`: how far its clock may be off. `late`: for how long a report may still be on its way. `timeout`: of one call.
    `rank`: which system wins between equal times, the higher.
    `can_look`: its rows can be read. `writes`: it takes anything; a system that only tells does not.
    """

    system: str
    fields: Mapping[str, FieldRule]
    rank: int = 0
    skew: int = 2_000_000
    late: int = 7 * 86_400_000_000
    timeout: int = 30_000_000
    can_look: bool = True
    writes: bool = True

    @cached_property
    def written(self) -> Mapping[str, FieldRule]:
        """The fields that are carried to this system."""
        return {name: rule for name, rule in self.fields.items() if self.writes and rule.rule in WRITTEN}

    @cached_property
    def signature(self) -> str:
        """Mark which fields are mapped: a row known whole under another mapping is not known whole under this one."""
        return blake2b(" ".join(sorted(self.fields)).encode(), digest_size=4).hexdigest()
