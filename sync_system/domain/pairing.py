"""Two rows that are the same person's, before they are linked: what would become of them, by the very rules of the sync."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sync_system.domain.decisions import Report, take_in
from sync_system.domain.fields import Value
from sync_system.domain.link import Link
from sync_system.domain.mapping import SystemRules
from sync_system.domain.planning import wanted
from sync_system.domain.record import EPSILON, Ranks, Record

NEWEST = "newest"
BLANK_ONLY = "blank-only"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the rows: how its system is mapped, and what it reports."""

    rules: SystemRules
    report: Report


@dataclass(frozen=True, slots=True)
class Differing:
    """A field in which the rows differ. `values`: own value by system. `wins`: whose stays, None if both do."""

    field: str
    values: Mapping[str, Value]
    wins: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Foretold:
    """What linking two rows would come to. `refused`: why the mapping lets nothing pass."""

    differing: Sequence[Differing] = ()
    refused: str | None = None


def preferred(sides: Sequence[Side], prefer: str) -> list[Side]:
    """Return the sides as they are taken in: where one system is preferred, as if its row were the newer one."""
    at = max(side.report.at for side in sides) + EPSILON
    return [
        replace(side, report=replace(side.report, at=at)) if side.rules.system == prefer else side for side in sides
    ]


def foretell(sides: Sequence[Side], prefer: str, ranks: Ranks) -> Foretold:
    """Return what linking these rows would do. `prefer`: newest, blank-only, or the system whose values win."""
    record, links = Record("", ""), [Link("", side.rules.system, side.report.external_id) for side in sides]
    for side, link in zip(preferred(sides, prefer), links, strict=True):
        take_in(record, link, side.rules, side.report, ranks)
    wants = [wanted(record, link, side.rules) for side, link in zip(sides, links, strict=True)]
    if refused := next((want.refused for want in wants if want.refused), None):
        return Foretold(refused=refused)
    names = dict.fromkeys(name for want in wants for name in want.diff)
    return Foretold([_differing(name, sides, prefer, [name in want.diff for want in wants]) for name in names])


def refusal(side: Side, other: SystemRules, ranks: Ranks) -> str | None:
    """Return why the mapping would not let a row pass that stands on one side only."""
    record = Record("", "")
    take_in(record, Link("", side.rules.system, side.report.external_id), side.rules, side.report, ranks)
    return wanted(record, None, other).refused


def kept_as_is(differing: Sequence[Differing]) -> frozenset[str]:
    """Return the fields in which neither row is written, although they differ."""
    return frozenset(one.field for one in differing if one.wins is None)


def _differing(name: str, sides: Sequence[Side], prefer: str, written: Sequence[bool]) -> Differing:
    values = {side.rules.system: side.report.values.get(name) for side in sides}
    loser, winner = sides if written[0] else (sides[1], sides[0])
    if prefer == BLANK_ONLY and None not in values.values():
        return Differing(name, values, None, "both have a value")
    return Differing(name, values, winner.rules.system, _why(name, loser, winner, prefer))


def _why(name: str, loser: Side, winner: Side, prefer: str) -> str:
    if loser.report.values.get(name) is None:
        return "the other is blank"
    rules = {side.rules.fields[name].rule for side in (loser, winner)}
    if len(rules) > 1:
        return f"{winner.rules.system} decides by its rule"
    if winner.rules.system == prefer:
        return "preferred"
    return "newer" if winner.report.at > loser.report.at else "of higher rank"
