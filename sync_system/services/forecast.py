"""What a delivery would do now for transactions that wait: decided as a claim decides, without writing or calling anything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sync_system.domain import decisions
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.fields import Value
from sync_system.domain.link import UNKNOWN, Link
from sync_system.domain.transactions import State
from sync_system.ledger.database import Database
from sync_system.ledger.dossiers import Dossier, load
from sync_system.ledger.repairs import Selected, Selection
from sync_system.services.claiming import must_search
from sync_system.services.clock import Clock
from sync_system.services.retrying import RETRIED, Retrying


class Kind(StrEnum):
    """What a delivery would do."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    LOOK = "look"
    NOTHING = "nothing to do"
    REFUSED = "refused by the mapping"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class Expected:
    """What would be done for one transaction.

    `changes`: own name to (what the system holds, None if blank or not known; what would be written). `look`: the row
    is looked up first, which may change the rest. `reason`: why the mapping refuses, or where the transaction stands.
    """

    transaction: int
    destination: str
    record: str
    kind: Kind
    external_id: str | None = None
    changes: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    look: bool = False
    reason: str = ""


@dataclass(slots=True)
class Forecast:
    """What would be done for all: counts by destination and kind, and the first of each destination in detail."""

    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    listed: list[Expected] = field(default_factory=list)


class Forecasting:
    """Foretells what a retry would do."""

    def __init__(self, db: Database, catalog: Catalog, clock: Clock) -> None:
        self.db, self.catalog, self.clock = db, catalog, clock
        self.retrying = Retrying(db, clock)

    async def forecast(self, selection: Selection, limit: int) -> Forecast:
        """Return what would be done for what is selected; `limit`: how many are told in detail."""
        made = Forecast()
        states = RETRIED if selection.ids is None else None
        async for chunk in self.retrying.chunks(selection, states):
            for one in await self.expect(chunk):
                made.counts[one.destination, one.kind] += 1
                if len(made.listed) < limit:
                    made.listed.append(one)
        return made

    async def expect(self, chunk: Sequence[Selected]) -> list[Expected]:
        """Return what would be done for some transactions, in their order."""
        found = {one.id: _overtaken(one) for one in chunk if one.state not in RETRIED}
        waiting = [one for one in chunk if one.state in RETRIED]
        async with self.db.read() as sql:
            for object, rules in self.catalog.rules.items():
                mine = [one for one in waiting if one.object == object and one.destination in rules]
                dossiers = await load(sql, {one.record for one in mine}, rules, lock=False)
                found |= {one.id: self._expected(one, dossiers[one.record]) for one in mine}
        return [found[one.id] for one in chunk if one.id in found]

    def _expected(self, one: Selected, dossier: Dossier) -> Expected:
        route, link, now = self.catalog.routes[one.object][one.destination], dossier.links.get(one.destination), 0
        decided = decisions.claim(dossier.record, link, route.rules, now, now, now)
        want, row = decided.wanted, link.external_id if link else None
        kind, reason = _kind(decided, route, link)
        look = decided.look or (kind is Kind.CREATE and must_search(self.catalog, route, dossier, link) is not None)
        changes = {route.rules.fields[name].name: (_held(link, name), new) for name, new in want.diff.items()}
        return Expected(one.id, one.destination, one.record, kind, row, changes, look, reason)


def _overtaken(one: Selected) -> Expected:
    reason = "is being delivered" if one.state is State.PROCESSING else f"is {one.state}"
    return Expected(one.id, one.destination, one.record, Kind.OVERTAKEN, reason=reason)


def _kind(decided: decisions.Claimed, route: Route, link: Link | None) -> tuple[Kind, str]:
    want = decided.wanted
    if want.refused is not None:
        return Kind.REFUSED, want.refused
    if want.delete:
        return (Kind.DELETE, "") if route.deletes else (Kind.REFUSED, "the system offers no way to delete a row")
    if want.diff:
        return Kind.CREATE if link is None or link.external_id is None else Kind.UPDATE, ""
    return Kind.LOOK if decided.look else Kind.NOTHING, ""


def _held(link: Link | None, name: str) -> Value:
    held = link.value(name) if link is not None else None
    return None if held is UNKNOWN else held
