"""What a system's reply to a write means for the record and the link: a later report is never overwritten by it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_system.domain.fields import Value
from sync_system.domain.link import Held, Intent, Link
from sync_system.domain.mapping import FieldRule, Rule
from sync_system.domain.observe import Observer, Receipt, Row, receipt
from sync_system.domain.record import EPSILON


@dataclass(frozen=True, slots=True)
class Reply:
    """A definite yes. `at`: when the row changed by the system's clock, None if it does not say. `stored`: by field.

    `now`: when it reached us. `whole`: the write made the row, so that what was not written there is blank.
    """

    now: int
    at: int | None
    stored: Mapping[str, Value]
    etag: str | None = None
    whole: bool = False


def settle(observer: Observer, intent: Intent, reply: Reply) -> list[Receipt]:
    """Take in that a write was done; the intent is closed."""
    link, rules = observer.link, observer.rules
    link.revision += 1
    link.intents = [i for i in link.intents if i.token != intent.token]
    lo, hi = (reply.at, reply.at) if reply.at is not None else (intent.sent_at - rules.skew, reply.now + rules.skew)
    _keep_etag(link, intent, reply, lo)
    if reply.whole and link.default is None and not link.remote:
        return _newborn(observer, intent, reply, lo, hi)
    receipts = []
    for name, sent in intent.diff.items():
        rule = rules.fields.get(name)
        if rule is None:
            continue
        x = reply.stored.get(name, sent)
        _keep_image(link, name, sent, x)
        held = Held(x, lo, hi, ours=True, stamp=intent.stamps[name])
        if made := _settle_field(observer, rule, held, intent, reply.now):
            receipts.append(made)
    return receipts + _seed(observer, intent, reply)


def _keep_etag(link: Link, intent: Intent, reply: Reply, at: int) -> None:
    """Etags are opaque: the reply's one stands unless a report has brought another since the claim."""
    if link.etag == intent.etag and reply.etag is not None:
        link.etag, link.etag_at = reply.etag, max(link.etag_at, at)


def _keep_image(link: Link, name: str, sent: Value, x: Value) -> None:
    if x == sent:
        link.images.pop(name, None)
    else:
        link.images[name] = (sent, x)


def _newborn(observer: Observer, intent: Intent, reply: Reply, lo: int, hi: int) -> list[Receipt]:
    """The row is ours from its first moment: one set of times for all its fields, and what was not written is blank."""
    link = observer.link
    link.default = Held(None, lo, hi, ours=True, stamp=max(intent.stamps.values(), default=lo), rev=link.revision)
    link.complete = True
    for name, sent in intent.diff.items():
        x = reply.stored.get(name, sent)
        _keep_image(link, name, sent, x)
        if intent.stamps[name] == link.default.stamp:
            link.values[name] = x
        else:
            link.remote[name] = Held(x, lo, hi, ours=True, stamp=intent.stamps[name], rev=link.revision)
    return _seed(observer, intent, reply)


def _settle_field(observer: Observer, rule: FieldRule, held: Held, intent: Intent, now: int) -> Receipt | None:
    link, name = observer.link, rule.field.name
    cur, (rev, seen) = link.held(name), intent.base.get(name, (-1, -1))
    if cur is None:
        link.hold(name, held)
    elif cur.rev == rev:
        return _over_what_we_knew(observer, rule, held, cur, seen, now)
    elif cur.hi < held.lo:
        link.hold(name, held)
    elif cur.lo > held.hi:
        link.hold(name, held, current=False)
        if cur.x != held.x:
            return _edit_since(observer, rule, cur, held, max(cur.lo, held.stamp + EPSILON), now)
    elif cur.x == held.x:
        cur.ours, cur.lo, cur.hi = True, min(held.lo, cur.lo), max(held.hi, cur.hi)
    else:
        link.hold(name, held)
        link.verify = True
    return None


def _over_what_we_knew(
    observer: Observer, rule: FieldRule, held: Held, cur: Held, seen: int, now: int
) -> Receipt | None:
    """Nothing else was held since the claim; at most the old value was confirmed, before our write or after it."""
    link, name = observer.link, rule.field.name
    if cur.seen > seen and cur.seen > held.hi:
        link.hold(name, held, current=False)
        cur.lo, cur.stamp = cur.seen, max(cur.seen, held.stamp + EPSILON)
        return _edit_since(observer, rule, cur, held, cur.stamp, now)
    unclear = cur.seen > seen and cur.seen >= held.lo
    held.lo, held.hi = max(held.lo, cur.lo), max(held.hi, cur.hi)
    link.hold(name, held)
    link.verify = link.verify or unclear
    return None


def _edit_since(observer: Observer, rule: FieldRule, cur: Held, held: Held, at: int, now: int) -> Receipt:
    return receipt(rule, Row.OVER_OUR_WRITE, observer.merge(rule, cur.x, at, held.stamp, now))


def _seed(observer: Observer, intent: Intent, reply: Reply) -> list[Receipt]:
    """What we wrote into an authoritative system's row counts as that system's own word from now on."""
    made = []
    for name in intent.diff:
        rule = observer.rules.fields.get(name)
        if rule is not None and rule.rule is Rule.AUTHORITATIVE and (held := observer.link.held(name)):
            merge = observer.merge(rule, held.x, held.stamp, held.stamp, reply.now)
            made.append(receipt(rule, Row.CONFIRMED, merge))
    return made
