"""Records, links and intents as the compact JSON that their rows hold.

One set of times for most fields, exceptions spelled out: a lead without a conflict takes a tenth of the long form.
"""

from collections import Counter
from typing import Any

from sync_system.domain.link import Held, Intent, Link
from sync_system.domain.mapping import SystemRules
from sync_system.domain.record import Record

Json = dict[str, Any]


def pack_record(record: Record) -> tuple[Json, Json]:
    """Return a record's fields, and its stamps: d(efault), x (exceptions), r(egisters)."""
    stamps: Json = {"d": record.default}
    if record.stamps:
        stamps["x"] = record.stamps
    if record.registers:
        stamps["r"] = record.registers
    return record.fields, stamps


def unpack_record(id: str, object: str, fields: Json, stamps: Json, deleted_at: int | None = None) -> Record:
    """Return the record that `pack_record` made this of."""
    default = stamps.get("d")
    return Record(
        id,
        object,
        fields,
        tuple(default) if default else None,
        {name: tuple(stamp) for name, stamp in stamps.get("x", {}).items()},
        stamps.get("r", {}),
        deleted_at,
    )


def times_of(held: Held) -> tuple[int, int, bool, int, int, int]:
    """Return all of a held value but the value."""
    return (held.lo, held.hi, held.ours, held.stamp, held.seen, held.rev)


def pack_link(link: Link, rules: SystemRules) -> Json:
    """Return a link's state: v(alues), d(efault times), c(omplete for these fields), x, h(istory), m (images), i."""
    state: Json = {}
    values, default, exceptions = _folded(link, rules)
    if default is not None:
        state["v"], state["d"] = values, default
    if link.complete:
        state["c"] = rules.signature
    if exceptions:
        state["x"] = {name: (held.x, *times_of(held)) for name, held in exceptions.items()}
    if link.history:
        state["h"] = {name: [(h.x, *times_of(h)) for h in held] for name, held in link.history.items()}
    if link.images:
        state["m"] = link.images
    if link.intents:
        state["i"] = [pack_intent(i) for i in link.intents]
    return state


def _folded(
    link: Link, rules: SystemRules
) -> tuple[Json, tuple[int, int, bool, int, int, int] | None, dict[str, Held]]:
    """Fold the fields with the commonest times into the default."""
    if not link.remote:
        return link.values, times_of(link.default) if link.default else None, {}
    times = {name: times_of(held) for name, held in link.remote.items()}
    shared = [n for n in link.values if n not in times]
    blanks = link.complete and not link.remote.keys() >= rules.fields.keys()
    if link.default is not None and (shared or blanks):
        default = times_of(link.default)
    else:
        default = Counter(times.values()).most_common(1)[0][0]
    values = {n: link.values[n] for n in shared}
    exceptions = {}
    for name, held in link.remote.items():
        if times[name] != default:
            exceptions[name] = held
        elif held.x is not None or not link.complete:
            values[name] = held.x
    return values, default, exceptions


def unpack_link(
    record: str,
    system: str,
    external_id: str | None,
    state: Json,
    rules: SystemRules,
    *,
    verify: bool = False,
    revision: int = 0,
    etag: str | None = None,
    etag_at: int = 0,
    deleted_at: int | None = None,
) -> Link:
    """Return the link that `pack_link` made this of."""
    default = state.get("d")
    link = Link(record, system, external_id, verify=verify, revision=revision, etag=etag, etag_at=etag_at)
    link.deleted_at = deleted_at
    link.values = state.get("v", {})
    link.default = Held(None, *default) if default else None
    link.complete = state.get("c") == rules.signature
    link.remote = {name: Held(*held) for name, held in state.get("x", {}).items()}
    link.history = {name: [Held(*h) for h in held] for name, held in state.get("h", {}).items()}
    link.images = {name: (pair[0], pair[1]) for name, pair in state.get("m", {}).items()}
    link.intents = [unpack_intent(i) for i in state.get("i", ())]
    return link


def pack_intent(intent: Intent) -> Json:
    """Return an intent: k (token), d(iff), r(each), s(tamp) and its exceptions sx, a(fter), b(ase), e(tag), t(ime)."""
    stamp = max(intent.stamps.values(), default=0)
    packed: Json = {
        "k": intent.token,
        "d": intent.diff,
        "r": (intent.lo, intent.hi),
        "s": stamp,
        "t": intent.sent_at,
    }
    if exceptions := {name: at for name, at in intent.stamps.items() if at != stamp}:
        packed["sx"] = exceptions
    if intent.after:
        packed["a"], packed["b"] = intent.after, intent.base
    if intent.etag is not None:
        packed["e"] = intent.etag
    return packed


def unpack_intent(packed: Json) -> Intent:
    """Return the intent that `pack_intent` made this of."""
    stamps = dict.fromkeys(packed["d"], packed["s"]) | packed.get("sx", {})
    base = {name: (pair[0], pair[1]) for name, pair in packed.get("b", {}).items()}
    lo, hi = packed["r"]
    return Intent(
        packed["k"], packed["d"], lo, hi, stamps, packed.get("a", {}), base, packed.get("e"), packed.get("t", 0)
    )
