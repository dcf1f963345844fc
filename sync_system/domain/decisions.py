"""The decisions along a lead's way, each a function of what is known: take in, claim, look, settle, hand back.

Services load the values, call these, and store what came of it; the simulation does the same with a world of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync_system.domain.fields import FieldType, Value
from sync_system.domain.link import UNKNOWN, Held, Intent, Link
from sync_system.domain.mapping import Rule, SystemRules
from sync_system.domain.observe import EDITS, Observer, Receipt, Row, Seen
from sync_system.domain.planning import Wanted, intend, wanted
from sync_system.domain.record import Ranks, Record
from sync_system.domain.settle import Reply, settle


@dataclass(frozen=True, slots=True)
class Report:
    """What a system says of one row. `values`: canonical field to own value; `at` of its clock, `now` of ours.

    `exact`: names only what changed. `deleted`: the row is gone. `key`: our key, if the report tells it.
    """

    external_id: str
    at: int
    now: int
    values: Mapping[str, Value] = field(default_factory=dict)
    exact: bool = False
    deleted: bool = False
    etag: str | None = None
    key: str | None = None


def take_in(record: Record, link: Link, rules: SystemRules, report: Report, ranks: Ranks) -> list[Receipt]:
    """Take in a report of a row that is linked to the record."""
    if link.deleted_at is not None:
        if report.deleted or report.at <= link.deleted_at:
            return [Receipt("", Row.STALE)]
        link.deleted_at = None
    if report.deleted:
        link.deleted_at, link.revision = report.at, link.revision + 1
        return [Receipt("", Row.EDIT, kept=(report.at, rules.system), changed=True)]
    _note_etag(link, report)
    if not record.fields and link.default is None and not link.remote and not link.intents:
        return _born(record, link, rules, report, ranks)
    link.forget(report.now - rules.late)
    return _observe_all(Observer(record, link, rules, ranks), report, looked=False)


def _note_etag(link: Link, report: Report) -> None:
    """The newest report's etag stands; one that tells of a change without its etag leaves the row's unknown."""
    if report.at > link.etag_at or (report.etag is not None and report.at == link.etag_at):
        link.etag, link.etag_at = report.etag, report.at


def _observe_all(observer: Observer, report: Report, *, looked: bool) -> list[Receipt]:
    receipts = []
    observer.link.revision += 1
    for name, x in report.values.items():
        made = observer.observe(name, Seen(x, report.at, report.now, exact=report.exact, looked=looked))
        if made is not None:
            receipts.append(made)
    return receipts


def _born(record: Record, link: Link, rules: SystemRules, report: Report, ranks: Ranks) -> list[Receipt]:
    """The first report of a new record: nothing to compare with, one stamp for all of it."""
    at = min(report.at, report.now + rules.skew)
    stamp = (at, rules.system)
    link.revision += 1
    link.default = Held(None, report.at, report.at, ours=False, stamp=at, rev=link.revision)
    observer = Observer(record, link, rules, ranks)
    receipts = []
    for name, x in report.values.items():
        rule = rules.fields.get(name)
        if rule is None or rule.rule is Rule.IGNORE:
            continue
        link.values[name] = x
        if x is None:
            continue
        if rule.rule is Rule.TWO_WAY and rule.field.type is not FieldType.CONSENT:
            record.fields[name] = rule.from_system(x, None)
        else:
            observer.merge(rule, x, at, -1, report.now)
    record.default = record.default or stamp
    receipts.append(Receipt("", Row.FIRST_SEEN, kept=stamp, changed=True))
    return receipts


def leave_as_is(record: Record, links: Iterable[Link], rules: Mapping[str, SystemRules], names: Iterable[str]) -> None:
    """Let every system keep what it holds in these fields: it counts as the image of what the record wants there."""
    for link in links:
        for name in names:
            rule, x = rules[link.system].written.get(name), link.value(name)
            if rule is None or x is UNKNOWN:
                continue
            own = rule.to_system(record.fields.get(name))
            if own != x:
                link.images[name] = (own, x)


def outcome_of(receipts: Iterable[Receipt]) -> str:
    """Sum up what a report came to: accepted, no_change (an echo, or nothing new) or stale."""
    rows = {r.row for r in receipts}
    if rows & EDITS:
        return "accepted"
    return "stale" if rows & {Row.STALE, Row.TOO_LATE, Row.OLD_NEWS} else "no_change"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim leads to: first a look, or a write with its intent, or nothing because nothing is left to send."""

    wanted: Wanted
    intent: Intent | None = None
    look: bool = False


def claim(record: Record, link: Link | None, rules: SystemRules, token: int, now: int, until: int) -> Claimed:
    """Decide what a delivery does for a record; the intent must be stored before anything is sent."""
    want = wanted(record, link, rules)
    if want.look and (link is None or link.deleted_at is None):
        return Claimed(want, look=True)
    if not want.diff:
        return Claimed(want)
    return Claimed(want, intend(record, link, rules, want.diff, token, now, until))


def looked(
    record: Record, link: Link, rules: SystemRules, report: Report | None, ranks: Ranks, now: int = 0
) -> list[Receipt]:
    """Take in a row that was read while its slot was held; None if at `now` there was no such row."""
    link.verify = False
    if report is None:
        if link.external_id is None:
            return []
        link.deleted_at, link.revision = max(link.etag_at, now), link.revision + 1
        return [Receipt("", Row.EDIT)]
    link.forget(report.now - rules.late)
    link.etag, link.etag_at = report.etag, report.at
    receipts = _observe_all(Observer(record, link, rules, ranks), report, looked=True)
    _note_blanks(link, rules, report)
    return receipts


def _note_blanks(link: Link, rules: SystemRules, report: Report) -> None:
    """A look reads the whole row: what it does not show is blank."""
    for name in rules.fields:
        if link.held(name) is None:
            link.remote[name] = Held(None, report.at, report.at, ours=False, stamp=-1, rev=link.revision)


def done(record: Record, link: Link, rules: SystemRules, intent: Intent, reply: Reply, ranks: Ranks) -> list[Receipt]:
    """Take in a definite yes."""
    return settle(Observer(record, link, rules, ranks), intent, reply)


def refused(link: Link, intent: Intent) -> None:
    """Take in a definite no: nothing was written."""
    link.intents = [i for i in link.intents if i.token != intent.token]


def conflicted(link: Link, intent: Intent) -> None:
    """Take in that the row was not what we thought: nothing was written, look before the next try."""
    refused(link, intent)
    link.verify = True


def left_open(link: Link, intent: Intent | None) -> None:
    """Take in that nobody knows whether the write was done: keep its intent, look before the next try."""
    link.verify = True
    if intent is not None and all(i.token != intent.token for i in link.intents):
        link.intents.append(intent)
