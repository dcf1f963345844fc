"""What is synced with whom by which rules: the configuration as the rules and services see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_system.domain.fields import Value
from sync_system.domain.mapping import SystemRules
from sync_system.domain.objects import ObjectSpec
from sync_system.domain.record import Ranks, Record

MatchValue = tuple[str, str]
MATCH_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Route:
    """One object in one system.

    `key_field`: own field that carries our key. `unique`: canonical fields on which the system refuses a second row.
    `changes`: its events name only what changed, unless they say otherwise. `lookups`: how its rows can be found.
    `conditional`: writes can be bound to an etag. `stored`: replies tell what was stored.
    """

    rules: SystemRules
    key_field: str | None = None
    unique: frozenset[str] = frozenset()
    changes: bool = False
    lookups: frozenset[str] = frozenset()
    batch: int = 100
    lookup_batch: int = 100
    deletes: bool = False
    conditional: bool = False
    stored: bool = False


@dataclass(frozen=True)
class Catalog:
    """The objects, and for each the systems that sync it, in their order of rank (the last wins between equal times)."""

    objects: Mapping[str, ObjectSpec]
    routes: Mapping[str, Mapping[str, Route]]
    ranks: Ranks
    rules: Mapping[str, Mapping[str, SystemRules]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the rules alone as well: that is what most of the ledger asks for."""
        rules = {name: {s: route.rules for s, route in routes.items()} for name, routes in self.routes.items()}
        object.__setattr__(self, "rules", rules)

    def route(self, system: str, object: str) -> Route | None:
        """Return how a system syncs an object, None if it does not."""
        return self.routes.get(object, {}).get(system)


def known_by_own(spec: ObjectSpec, rules: SystemRules, own: Mapping[str, Value]) -> list[MatchValue]:
    """Return (group, value) for each match group that a row fills; its values in its system's own form."""
    names = (name for group in spec.match for name in group if own.get(name) is not None)
    return known_by(spec, {name: rules.fields[name].from_system(own[name], None) for name in names})


def match_values(spec: ObjectSpec, record: Record) -> list[MatchValue]:
    """Return what a record is known by: (group, value) for each match group that it fills."""
    return known_by(spec, record.fields)


def known_by(spec: ObjectSpec, fields: Mapping[str, object]) -> list[MatchValue]:
    """Return (group, value) for each match group that these canonical values fill."""
    found = []
    for group in spec.match:
        if len(group) == 1:
            [name] = group
            value = fields.get(name)
            if value is not None and value != "":
                found.append((name, str(value)[:MATCH_LENGTH]))
            continue
        values = [fields.get(name) for name in group]
        if all(value not in {None, ""} for value in values):
            found.append(("+".join(group), "\x1f".join(str(value) for value in values)[:MATCH_LENGTH]))
    return found
