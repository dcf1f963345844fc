"""The merged truth about one lead: every field a last-writer-wins register, so that no order of arrival matters.

Stamps are causal times (microseconds) with the system they came from; ties go to the system with the higher rank.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync_system.domain.fields import FieldType, Value
from sync_system.domain.mapping import FieldRule, Rule

EPSILON = 1
NEVER = -1
Stamp = tuple[int, str]
Ranks = Mapping[str, int]


def newer(one: Stamp, other: Stamp | None, ranks: Ranks) -> bool:
    """Whether a stamp beats another; a removed system has the lowest rank."""
    if other is None or one[0] != other[0]:
        return other is None or one[0] > other[0]
    return ranks.get(one[1], -1) > ranks.get(other[1], -1)


@dataclass(frozen=True, slots=True)
class Merge:
    """What became of one value: whether the record's value changed, and the two stamps that were compared.

    `conflict`: whoever typed it had not seen what another system had set before.
    """

    changed: bool
    won: bool
    kept: Stamp
    lost: Stamp | None
    conflict: bool = False


@dataclass(slots=True)
class Record:
    """One lead in canonical fields.

    `default`: the stamp of every field that `stamps` does not spell out. `registers`: for consent the two maxima, for
    fields with rules of their own the value and stamp of each class, by field.
    """

    id: str
    object: str
    fields: dict[str, Value] = field(default_factory=dict)
    default: Stamp | None = None
    stamps: dict[str, Stamp] = field(default_factory=dict)
    registers: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted_at: int | None = None

    def stamp(self, name: str) -> Stamp | None:
        """Return when and by whom a field was last set, None if never."""
        return self.stamps.get(name) or (self.default if name in self.fields else None)

    def merge(self, rule: FieldRule, value: Value, stamp: Stamp, over: int, ranks: Ranks) -> Merge:
        """Merge a value that a system holds since `stamp` and typed over one of time `over`."""
        name = rule.field.name
        if rule.rule is Rule.OUT_ONLY:
            kept = self.stamp(name)
            return Merge(changed=False, won=False, kept=kept or stamp, lost=stamp)
        if rule.field.type is FieldType.CONSENT:
            return self._consent(name, value, stamp, over, ranks)
        if rule.rule in CLASSES or name in self.registers:
            return self._classed(name, CLASSES.get(rule.rule, NORMAL), value, stamp, ranks)
        old, changed = self.stamp(name), self.fields.get(name) != value
        conflict = changed and old is not None and old[1] != stamp[1] and old[0] > over
        if not newer(stamp, old, ranks):
            return Merge(changed=False, won=False, kept=old or stamp, lost=stamp, conflict=conflict)
        self._set(name, value, stamp)
        return Merge(changed=changed, won=True, kept=stamp, lost=old, conflict=conflict)

    def _set(self, name: str, value: Value, stamp: Stamp) -> None:
        self.fields[name] = value
        if self.default is None:
            self.default = stamp
        if stamp == self.default:
            self.stamps.pop(name, None)
        else:
            self.stamps[name] = stamp

    def _consent(self, name: str, out: Value, stamp: Stamp, over: int, ranks: Ranks) -> Merge:
        """An opt-out holds until somebody typed over one at least as new: two maxima, so that no order matters."""
        state = self.registers.setdefault(name, {"out": NEVER, "back": NEVER})
        if out:
            state["out"] = max(state["out"], stamp[0])
        else:
            state["back"] = max(state["back"], over)
        value, old = state["out"] > state["back"], self.stamp(name)
        changed = bool(self.fields.get(name)) != value
        won = changed or value == bool(out)
        self._set(name, value, stamp if newer(stamp, old, ranks) else old or stamp)
        return Merge(changed=changed, won=won, kept=stamp if won else old or stamp, lost=old if won else stamp)

    def _classed(self, name: str, register: str, value: Value, stamp: Stamp, ranks: Ranks) -> Merge:
        """One register a class: authoritative over normal over fill, and a fill counts only while normal is null."""
        registers = self.registers.setdefault(name, self._as_registers(name))
        before, shown = registers.get(register), self.fields.get(name)
        if before is None or newer(stamp, (before[1], before[2]), ranks):
            registers[register] = [value, *stamp]
        top = winner(registers)
        self._set(name, top[0], (top[1], top[2]))
        won = top == [value, *stamp]
        lost = (before[1], before[2]) if before else None
        return Merge(changed=shown != top[0], won=won, kept=(top[1], top[2]), lost=lost if won else stamp)

    def _as_registers(self, name: str) -> dict[str, Any]:
        stamp = self.stamp(name)
        return {NORMAL: [self.fields[name], *stamp]} if stamp else {}


NORMAL = "normal"
CLASSES: Mapping[Rule, str] = {Rule.AUTHORITATIVE: "authoritative", Rule.FILL_BLANK: "fill"}


def winner(registers: Mapping[str, Any]) -> list[Any]:
    """Return [value, time, system] of the register that is shown."""
    if "authoritative" in registers:
        return list(registers["authoritative"])
    normal = registers.get(NORMAL)
    if normal is None or (normal[0] is None and "fill" in registers):
        return list(registers["fill"])
    return list(normal)
