"""A record's row in one system, and what that system is known to hold: the memory that the rules of the sync work on.

Kept compact: one set of times for all fields, exceptions spelled out; history from a second entry on.
"""

from dataclasses import dataclass, field
from typing import Any

from sync_system.domain.fields import Value
from sync_system.domain.mapping import FieldRule

UNKNOWN: Any = object()


@dataclass(slots=True)
class Held:
    """A value that the system is known to have held, first at some moment in [lo, hi] of its own clock.

    `ours`: our write, or a report of it. `stamp`: of the record's value that it stands for. `seen`: the last report
    that confirmed it, -1 if none. `rev`: the link's revision when it came to be, so that a later one can be told apart.
    """

    x: Value
    lo: int
    hi: int
    ours: bool
    stamp: int
    seen: int = -1
    rev: int = 0


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is under way, or may have reached the system without a definite reply.

    `diff`: field to own value. `lo`, `hi`: its reach on the system's clock. `stamps`: of the record's values.
    `after`: since when the values that it overwrites were held. `base`: (revision, last seen) of those values.
    """

    token: int
    diff: dict[str, Value]
    lo: int
    hi: int
    stamps: dict[str, int]
    after: dict[str, int] = field(default_factory=dict)
    base: dict[str, tuple[int, int]] = field(default_factory=dict)
    etag: str | None = None
    sent_at: int = 0

    def covers(self, name: str, at: int) -> bool:
        """Whether a report of this field at this time may be of what it wrote."""
        return name in self.diff and max(self.lo, self.after.get(name, self.lo)) <= at <= self.hi


@dataclass(slots=True)
class Link:
    """One row of one system. `external_id` None: our create is under way and the row is not known yet.

    `values` share the times of `default`; `remote` holds those that have times of their own. `complete`: the row is
    known whole, a field without an entry is null. `images`: field to (what we sent, what the system made of it). `verify`: look before the next write.
    """

    record: str
    system: str
    external_id: str | None = None
    values: dict[str, Value] = field(default_factory=dict)
    default: Held | None = None
    complete: bool = False
    remote: dict[str, Held] = field(default_factory=dict)
    history: dict[str, list[Held]] = field(default_factory=dict)
    images: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    intents: list[Intent] = field(default_factory=list)
    verify: bool = False
    revision: int = 0
    etag: str | None = None
    etag_at: int = 0
    deleted_at: int | None = None

    def value(self, name: str) -> Any:
        """Return the value that the system holds in a field, UNKNOWN if that is not known."""
        if name in self.remote:
            return self.remote[name].x
        if name in self.values:
            return self.values[name]
        return None if self.complete and self.default is not None else UNKNOWN

    def held(self, name: str) -> Held | None:
        """Return what the system holds in a field, None if that is not known."""
        found = self.remote.get(name)
        if found is None and (d := self.default) is not None and (self.complete or name in self.values):
            found = Held(self.values.get(name), d.lo, d.hi, d.ours, d.stamp, d.seen, d.rev)
            self.remote[name] = found
        return found

    def entries(self, name: str) -> list[Held]:
        """Return what the field held in the order it held it, the present value last."""
        now = self.held(name)
        return [*self.history.get(name, ()), *([now] if now else ())]

    def hold(self, name: str, held: Held, *, current: bool = True) -> None:
        """Note that a field held a value: now, or (not `current`) before its present one.

        Whoever takes something in raises `revision` once before, so that what it changed can be told apart.
        """
        held.rev = self.revision
        before = self.held(name)
        if not current:
            self.history.setdefault(name, []).append(held)
            return
        if before is not None:
            self.history.setdefault(name, []).append(before)
        self.remote[name] = held

    def forget(self, before: int) -> None:
        """Drop the intents and the history that no report since this time can be about.

        The last of what ended before stays as long as a report may be of a time before the present value's.
        """
        if self.intents:
            self.intents = [i for i in self.intents if i.hi >= before]
        for name, entries in list(self.history.items()):
            older = [h for h in entries if h.hi < before]
            if len(older) == len(entries) and self._stands_since(name, before):
                del self.history[name]
            elif len(older) > 1:
                self.history[name] = [h for h in entries if h.hi >= before or h is older[-1]]

    def _stands_since(self, name: str, before: int) -> bool:
        """Whether a field's present value is the only one that reports since this time can tell of as its past."""
        now = self.held(name)
        return now is not None and now.lo < before and (now.hi < before or now.seen == now.hi)

    def open_intent(self, rule: FieldRule, at: int, x: Value) -> Intent | None:
        """Return the intent that may have written `x`, or something the system made into `x`, at this time."""
        name = rule.field.name
        return next((i for i in self.intents if i.covers(name, at) and rule.is_image(i.diff[name], x)), None)
