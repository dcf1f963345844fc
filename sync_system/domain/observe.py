"""What a system's report of one field means: an edit, the echo of our own write, old news, or reason to look.

The table of the design, row by row; the first that fits decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from sync_system.domain.fields import Value
from sync_system.domain.link import Held, Intent, Link
from sync_system.domain.mapping import FieldRule, Rule, SystemRules
from sync_system.domain.record import EPSILON, NEVER, Merge, Ranks, Record, Stamp


class Row(StrEnum):
    """Which row of the table decided."""

    FIRST_SEEN = "first seen"
    AWAY_AND_BACK_AGAIN = "set away and back again"
    BEFORE_OR_REVERT = "before our write, or its revert"
    CONFIRMED = "confirmed"
    ECHO = "echo of our write"
    EDIT = "edit"
    CAME_BACK = "went away and came back"
    OLD_NEWS = "old news"
    STALE = "replaced since by its own system"
    LATE_EDIT = "edit that our write overwrote"
    TOO_LATE = "older than reports can be"
    OVER_OUR_WRITE = "edit over our write"


EDITS = frozenset({Row.FIRST_SEEN, Row.AWAY_AND_BACK_AGAIN, Row.EDIT, Row.CAME_BACK, Row.LATE_EDIT, Row.OVER_OUR_WRITE})


@dataclass(frozen=True, slots=True)
class Receipt:
    """Why a field has the value it has: the row that decided, the stamp that was kept, and the one that lost."""

    field: str
    row: Row
    kept: Stamp | None = None
    lost: Stamp | None = None
    changed: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One field as a system reported it: its own value `x` at time `at` of its clock, taken in at `now` of ours.

    `exact`: the event names only what changed. `looked`: read while nobody else may write, so it is what stands now.
    """

    x: Value
    at: int
    now: int
    exact: bool = False
    looked: bool = False


class Observer:
    """One record, one link, and the rules of the link's system: what `observe` and `settle` work on."""

    __slots__ = ("link", "ranks", "record", "rules")

    def __init__(self, record: Record, link: Link, rules: SystemRules, ranks: Ranks) -> None:
        self.record, self.link, self.rules, self.ranks = record, link, rules, ranks

    def observe(self, name: str, seen: Seen) -> Receipt | None:
        """Take in one reported field; None if this system's rules ignore it."""
        rule = self.rules.fields.get(name)
        if rule is None or rule.rule is Rule.IGNORE:
            return None
        link, cur = self.link, self.link.held(name)
        mine = link.open_intent(rule, seen.at, seen.x)
        if cur is None:
            return self._first(rule, seen, mine)
        if seen.x == cur.x:
            return self._same(rule, seen, cur, mine)
        if seen.looked:
            return self._looked(rule, seen, cur, mine)
        if mine:
            return self._echo(rule, seen, cur, mine)
        if seen.at > cur.hi:
            return self.edit(rule, seen.x, seen.at, cur, seen.now, Row.EDIT)
        if cur.lo <= seen.at < cur.seen:
            return self._came_back(rule, seen, cur)
        return self._older(rule, seen, cur)

    def merge(self, rule: FieldRule, x: Value, at: int, over: int, now: int) -> Merge:
        """Merge an own value into the record; times ahead of arrival by more than the skew are clamped."""
        value = rule.from_system(x, self.record.fields.get(rule.field.name))
        latest = now + self.rules.skew
        return self.record.merge(rule, value, (min(at, latest), self.rules.system), min(over, latest), self.ranks)

    def edit(self, rule: FieldRule, x: Value, at: int, cur: Held | None, now: int, row: Row) -> Receipt:
        """Merge what somebody typed over `cur`, and hold it as what the system has, not before `cur`."""
        over, since = (cur.stamp, max(at, cur.lo)) if cur else (NEVER, at)
        held = Held(x, since, since, ours=False, stamp=max(at, over + EPSILON))
        merge = self.merge(rule, x, held.stamp, over, now)
        self.link.hold(rule.field.name, held)
        return receipt(rule, row, merge)

    def _first(self, rule: FieldRule, seen: Seen, mine: Intent | None) -> Receipt:
        """A field that nothing was known of. A blank there was never filled in: it clears nothing elsewhere."""
        name = rule.field.name
        if mine:
            self.link.hold(name, Held(seen.x, seen.at, seen.at, ours=True, stamp=mine.stamps[name]))
            return Receipt(name, Row.ECHO)
        if seen.x is None and not seen.exact:
            self.link.hold(name, Held(None, seen.at, seen.at, ours=False, stamp=min(seen.at, self._stamp(name))))
            return Receipt(name, Row.CONFIRMED)
        return self.edit(rule, seen.x, seen.at, None, seen.now, Row.FIRST_SEEN)

    def _stamp(self, name: str) -> int:
        stamp = self.record.stamp(name)
        return stamp[0] if stamp else NEVER

    def _same(self, rule: FieldRule, seen: Seen, cur: Held, mine: Intent | None) -> Receipt:
        name = rule.field.name
        if seen.looked:
            return Receipt(name, Row.CONFIRMED)
        if seen.exact and seen.at > cur.hi and not mine:
            return self.edit(rule, seen.x, seen.at, cur, seen.now, Row.AWAY_AND_BACK_AGAIN)
        if any(i.covers(name, seen.at) and i.diff[name] != seen.x for i in self.link.intents):
            self.link.verify = True
            return Receipt(name, Row.BEFORE_OR_REVERT)
        if seen.at > cur.hi:
            cur.hi = cur.seen = seen.at
        return Receipt(name, Row.CONFIRMED)

    def _looked(self, rule: FieldRule, seen: Seen, cur: Held, mine: Intent | None) -> Receipt:
        at, name = max(seen.at, cur.lo), rule.field.name
        if mine:
            self.link.hold(name, Held(seen.x, at, at, ours=True, stamp=mine.stamps[name]))
            return Receipt(name, Row.ECHO)
        return self.edit(rule, seen.x, seen.at, cur, seen.now, Row.EDIT)

    def _echo(self, rule: FieldRule, seen: Seen, cur: Held, mine: Intent) -> Receipt:
        """Our own write comes back; a cut that no reply has told of may as well be a person's.

        So may the whole value, where something that was taken in since the claim stood at the same time.
        """
        name = rule.field.name
        if seen.at > cur.hi:
            self.link.hold(name, Held(seen.x, seen.at, seen.at, ours=True, stamp=mine.stamps[name]))
        elif seen.at >= cur.lo and mine.base.get(name, (NEVER, NEVER))[0] != cur.rev:
            self.link.verify = True
        if seen.x != mine.diff[name] and self.link.images.get(name) != (mine.diff[name], seen.x):
            self.link.verify = True
        return Receipt(name, Row.ECHO)

    def _came_back(self, rule: FieldRule, seen: Seen, cur: Held) -> Receipt:
        """What the system holds was set again after this: that, too, was an edit."""
        self.merge(rule, seen.x, max(seen.at, cur.stamp + EPSILON), cur.stamp, seen.now)
        again = max(cur.seen, cur.stamp + 2 * EPSILON)
        merge = self.merge(rule, cur.x, again, max(seen.at, cur.stamp + EPSILON), seen.now)
        held = Held(seen.x, seen.at, seen.at, ours=False, stamp=seen.at)
        self.link.hold(rule.field.name, held, current=False)
        cur.lo, cur.stamp = cur.seen, max(cur.stamp, cur.seen)
        return receipt(rule, Row.CAME_BACK, merge)

    def _older(self, rule: FieldRule, seen: Seen, cur: Held) -> Receipt:
        """A value that differs from what stands, from before what stands or from a time that is not clear."""
        name, link = rule.field.name, self.link
        if seen.at < seen.now - self.rules.late:
            link.verify = True
            return Receipt(name, Row.TOO_LATE)
        if seen.at >= cur.lo or cur.lo > seen.now + self.rules.skew:
            link.verify = True
        entries = link.entries(name)
        base = next((h for h in reversed(entries) if h.hi < seen.at), entries[0])
        known = entries if seen.at >= cur.lo else [base, *(h for h in entries if h.lo <= seen.at <= h.hi)]
        if any(h.x == seen.x for h in known):
            return Receipt(name, Row.OLD_NEWS)
        following = next((h for h in entries if h.lo > seen.at), None)
        if seen.at < cur.lo and following and not following.ours and not link.intents:
            return Receipt(name, Row.STALE, kept=self.record.stamp(name), lost=(seen.at, self.rules.system))
        held = Held(seen.x, seen.at, seen.at, ours=False, stamp=max(seen.at, base.stamp + EPSILON))
        merge = self.merge(rule, seen.x, held.stamp, base.stamp, seen.now)
        link.hold(name, held, current=False)
        return receipt(rule, Row.LATE_EDIT, merge)


def receipt(rule: FieldRule, row: Row, merge: Merge) -> Receipt:
    """Write down what a merge decided."""
    return Receipt(rule.field.name, row, merge.kept, merge.lost, merge.changed, merge.conflict)
