"""The lead that is synced in every schedule: its fields, what people type, and how each system takes it.

S1 folds an enum (the mapping knows); S2 cuts a text short (the mapping does not know).
"""

from sync_system.domain.fields import Field, FieldType, Value
from sync_system.domain.link import Held, Link
from sync_system.domain.mapping import FieldRule, SystemRules
from sync_system.domain.record import Record

UNIT = 1_000_000  # the world's clock ticks in seconds, the rules count microseconds
SKEW, LEASE, TIMEOUT, LATE = 12, 30, 12, 60  # seconds
MOST_SYSTEMS = 3

SPECS = (
    Field("a"),
    Field("b"),
    Field("status", FieldType.ENUM, values=("new", "contacted", "qualified")),
    Field("opt_out", FieldType.CONSENT),
)
FIELDS = tuple(spec.name for spec in SPECS)
START: dict[str, Value] = {"a": "p1", "b": "x", "status": "new", "opt_out": False}
TYPED: dict[str, list[Value]] = {
    "a": ["p1", "p2", "q1", "p", "q", None],
    "b": ["x", "y", "z", None],
    "status": ["new", "contacted", "qualified"],
    "opt_out": [True, False],
}

FOLDING, CUTTING = 1, 2
FOLD = {"new": "N", "contacted": "W", "qualified": "W"}
UNFOLD = {"N": "new", "W": "contacted"}


def name_of(number: int) -> str:
    """Return the configured name of a system."""
    return f"s{number}"


def etag_of(version: int) -> str:
    """Return a row's version in the opaque form that HTTP has for it."""
    return f'"{version}"'


def _rules(number: int) -> SystemRules:
    folds = {"status": (FOLD, UNFOLD)} if number == FOLDING else {}
    fields = {}
    for spec in SPECS:
        to_own, from_own = folds.get(spec.name, ({}, {}))
        fields[spec.name] = FieldRule(spec, spec.name, to_own=to_own, from_own=from_own)
    return SystemRules(name_of(number), fields, rank=number, skew=SKEW * UNIT, timeout=TIMEOUT * UNIT, late=LATE * UNIT)


RULES = tuple(_rules(number) for number in range(MOST_SYSTEMS))
RANKS = {rules.system: rules.rank for rules in RULES}


def own_form(number: int, name: str, value: Value) -> Value:
    """Return a canonical value as the mapping writes it into a system."""
    return RULES[number].fields[name].to_system(value)


def stored(number: int, name: str, x: Value) -> Value:
    """Return what a system makes of an own value that it is given."""
    return x[:1] if number == CUTTING and name == "a" and isinstance(x, str) else x


def first_row(number: int) -> dict[str, Value]:
    """Return the row that a system holds when a schedule begins."""
    return {name: stored(number, name, own_form(number, name, value)) for name, value in START.items()}


def first_record() -> Record:
    """Return the record as it stands when a schedule begins: known whole, set by nobody in particular."""
    return Record("lead-1", "lead", dict(START), default=(0, "nobody"))


def first_link(number: int) -> Link:
    """Return a link to a row that is known whole, with what the system was sent to make it so."""
    row = first_row(number)
    link = Link(
        "lead-1", name_of(number), external_id=f"{name_of(number)}-1", values=row, complete=True, etag=etag_of(0)
    )
    link.default = Held(None, 0, 0, ours=False, stamp=0)
    link.images = {name: (own_form(number, name, START[name]), x) for name, x in row.items()}
    return link
