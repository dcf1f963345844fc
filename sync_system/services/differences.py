"""What a row holds against what the record wants there and what the ledger believes, field by field in normal form."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Route
from sync_system.domain.fields import Value
from sync_system.domain.link import Held, Link
from sync_system.domain.planning import wanted
from sync_system.domain.record import Record
from sync_system.errors import InvalidEvent
from sync_system.ledger.dossiers import Dossier
from sync_system.services.reading import read_values


class Kind(StrEnum):
    """In what way two sides differ."""

    UNLINKED = "unlinked"  # a row that no record is linked to, and that is not held
    ABSENT = "absent"  # a record that a system should hold and has no row for
    MISSING = "missing"  # a link whose row is not there
    RETURNED = "returned"  # a row that the ledger believes deleted
    UNREADABLE = "unreadable"  # a row with a value that its field cannot hold
    WANTED = "wanted"  # a field that is not as the record wants it
    UNSEEN = "unseen"  # a field that is not as the ledger believes it to be


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `expected`, `found`: own values, for `wanted` and `unseen`; `open`: what is on its way there."""

    kind: Kind
    object: str
    system: str
    external_id: str | None = None
    record: str | None = None
    field: str | None = None
    expected: Value = None
    found: Value = None
    reason: str = ""
    open: str | None = None


def of_row(row: Row, dossier: Dossier, route: Route, region: str | None) -> list[Difference]:
    """Return how a linked row differs from its record and from its link."""
    record, system = dossier.record, route.rules.system
    link, underway = dossier.links[system], open_state(dossier, system)

    def one(kind: Kind, field: str | None = None, expected: Value = None, reason: str = "") -> Difference:
        found = values.get(field) if field else None
        return Difference(
            kind, record.object, system, row.external_id, record.id, field, expected, found, reason, underway
        )

    values: dict[str, Value] = {}
    if link.deleted_at is not None:
        return [one(Kind.RETURNED)]
    try:
        values = read_values(route, row.values, region)
    except InvalidEvent as exc:
        return [one(Kind.UNREADABLE, reason=str(exc))]
    return [
        *(one(Kind.WANTED, name, own) for name, own in lacking(record, link, route, values).items()),
        *(one(Kind.UNSEEN, name, held) for name, held in unseen(link, values).items()),
    ]


def lacking(record: Record, link: Link, route: Route, values: dict[str, Value]) -> dict[str, Value]:
    """Return what would be written if the ledger knew the row as it is: by the very rules that deliveries follow."""
    held = Held(None, 0, 0, ours=False, stamp=0)
    as_it_is = Link(record.id, link.system, link.external_id, values=values, default=held, images=link.images)
    diff = wanted(record, as_it_is, route.rules).diff
    return {name: own for name, own in diff.items() if name in values}


def unseen(link: Link, values: dict[str, Value]) -> dict[str, Value]:
    """Return what the ledger believes of the fields in which it is wrong."""
    believed = {name: held.x if (held := link.held(name)) else None for name in values}
    return {name: believed[name] for name, x in values.items() if believed[name] != x}


def open_state(dossier: Dossier, system: str) -> str | None:
    """Return the state of the transaction that is open for a record in a system, None if there is none."""
    found = dossier.processing.get(system) or dossier.waiting.get(system)
    return str(found.state) if found else None


def rows_to_look_at(differences: Sequence[Difference]) -> list[str]:
    """Return the rows that must be read again by the rules before anything can be said of them."""
    return sorted({d.external_id for d in differences if d.external_id is not None})


def records_to_plan(differences: Sequence[Difference]) -> list[str]:
    """Return the records that some system may lack something of."""
    kinds = {Kind.ABSENT, Kind.WANTED}
    return sorted({d.record for d in differences if d.kind in kinds and d.record is not None})
