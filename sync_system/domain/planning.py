"""What a system lacks: the record in that system's own form, minus what the system is known to hold."""

from dataclasses import dataclass, field
from hashlib import blake2b

from sync_system.domain.fields import Value
from sync_system.domain.link import UNKNOWN, Intent, Link
from sync_system.domain.mapping import SystemRules
from sync_system.domain.record import NEVER, Record
from sync_system.errors import MappingRefused


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would be done to a row.

    `diff`: what would be written. `look`: something there is not known. `refused`: why the mapping lets nothing pass.
    `delete`: the row goes, because the record was deleted elsewhere.
    """

    diff: dict[str, Value] = field(default_factory=dict)
    look: bool = False
    refused: str | None = None
    delete: bool = False

    @property
    def anything(self) -> bool:
        """Whether there is something to do for a delivery."""
        return bool(self.diff) or self.look or self.delete or self.refused is not None

    @property
    def digest(self) -> str:
        """A short mark that is equal as long as the same would be sent."""
        what = repr((sorted(self.diff.items()), self.refused, self.delete)).encode()
        return blake2b(what, digest_size=8).hexdigest()


NOTHING = Wanted()


def wanted(record: Record, link: Link | None, rules: SystemRules) -> Wanted:
    """Return what the system lacks of the record; nothing for a row that was deleted there."""
    if link is not None and link.deleted_at is not None:
        return NOTHING
    if record.deleted_at is not None:
        return Wanted(delete=rules.writes and link is not None and link.external_id is not None)
    try:
        if link is None or link.external_id is None:
            return Wanted(_whole(record, rules), look=link is not None and link.verify)
        return _difference(record, link, rules)
    except MappingRefused as exc:
        return Wanted(look=link is not None and link.verify, refused=str(exc))


def _whole(record: Record, rules: SystemRules) -> dict[str, Value]:
    fields = record.fields
    whole: dict[str, Value] = {}
    for name, rule in rules.written.items():
        own = rule.to_system(fields.get(name))
        if own is not None:
            whole[name] = own
    return whole


def _difference(record: Record, link: Link, rules: SystemRules) -> Wanted:
    diff, look = {}, link.verify and rules.can_look
    fields = record.fields
    for name, rule in rules.written.items():
        if name not in fields and rule.default is None:
            continue
        own, x = rule.to_system(fields.get(name)), link.value(name)
        if x is UNKNOWN:
            diff[name], look = own, look or rules.can_look
        elif own != x and link.images.get(name) != (own, x) and not rule.means(x, fields.get(name)):
            diff[name] = own
    return Wanted(diff, look)


def intend(
    record: Record, link: Link | None, rules: SystemRules, diff: dict[str, Value], token: int, now: int, until: int
) -> Intent:
    """Write down, before anything is sent, what will be written over what, and when it can have an effect.

    `until`: when the claim's lease is over, after which its worker sends nothing. Times in microseconds.
    """
    stamps = {name: stamp[0] if (stamp := record.stamp(name)) else NEVER for name in diff}
    lo, hi = now - rules.skew, until + rules.timeout + rules.skew
    if link is None or link.external_id is None:
        return Intent(token, diff, lo, hi, stamps, sent_at=now)
    over = {name: held for name in diff if (held := link.held(name))}
    after = {name: held.lo for name, held in over.items()}
    base = {name: (held.rev, held.seen) for name, held in over.items()}
    return Intent(token, diff, lo, hi, stamps, after, base, link.etag, now)
