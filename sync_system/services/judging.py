"""What a page is found to be: consistent, held, under way anyway, or different and to be repaired."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Catalog
from sync_system.domain.rounds import CONSISTENT, HELD, STRANGER, UNDER_WAY
from sync_system.domain.transactions import State
from sync_system.ledger import identity, rounds
from sync_system.ledger.database import Sql
from sync_system.ledger.dossiers import load
from sync_system.ledger.reports import RecordPage
from sync_system.ledger.rounds import Round
from sync_system.services.differences import Difference, Kind
from sync_system.services.pages import compare_records, compare_rows

MOVING = frozenset({State.PENDING, State.PROCESSING})


@dataclass(slots=True)
class Judged:
    """How many rows and records were found to be what, and which differences are to be repaired."""

    found: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    repairs: list[Difference] = field(default_factory=list)

    def differs(self, several: Sequence[Difference]) -> None:
        """Note a row or a record that differs, by what tells most of its cause."""
        kinds = {one.kind for one in several}
        kind = Kind.UNSEEN if Kind.UNSEEN in kinds else several[0].kind
        self.found[str(kind)] += 1
        # A row that cannot be read would only be rejected: a look mends nothing.
        if kind is not Kind.UNREADABLE:
            self.repaired[str(kind)] += 1
            self.repairs += several

    def add(self, more: "Judged") -> None:
        """Take in what else was found on the same page."""
        self.found += more.found
        self.repaired += more.repaired
        self.repairs += more.repairs


async def judge_rows(sql: Sql, catalog: Catalog, one: Round, rows: Mapping[str, Row], since: int) -> Judged:
    """Judge rows that were asked for at a moment."""
    compared = await compare_rows(sql, catalog, one.object, one.system, rows)
    several: dict[str, list[Difference]] = {}
    for difference in compared.differences:
        several.setdefault(str(difference.external_id), []).append(difference)
    heard = await rounds.heard_of(sql, one, several.keys(), since)
    keys = {id: rows[id].key for id, found in several.items() if found[0].kind is Kind.UNLINKED}
    written = await rounds.being_written(sql, one.system, [key for key in keys.values() if key is not None])
    synced_since = await rounds.begun_at(sql, one.object) if keys else None
    judged = Judged()
    judged.found[HELD] += len(compared.held)
    judged.found[CONSISTENT] += len(rows) - len(compared.held) - len(several)
    for id, found in several.items():
        if id in heard or keys.get(id) in written or is_moving(found):
            judged.found[UNDER_WAY] += 1
        elif id in keys and not is_news(rows[id], synced_since):
            judged.found[STRANGER] += 1
        else:
            judged.differs(found)
    return judged


def is_news(row: Row, synced_since: int | None) -> bool:
    """Whether a row that nobody is linked to was made or edited while the sync was there to be told."""
    return row.key is not None or (row.at is not None and synced_since is not None and row.at >= synced_since)


def is_moving(several: Sequence[Difference]) -> bool:
    """Whether what differs in a row is on its way: being sent, or waiting to be replayed and not changed behind us."""
    if several[0].open in MOVING:
        return True
    return several[0].open is not None and all(one.kind is Kind.WANTED for one in several)


async def judge_gone(sql: Sql, catalog: Catalog, one: Round, ids: Collection[str], since: int) -> Judged:
    """Judge rows that their system says are gone; those that nobody was linked to are nothing to us."""
    judged = Judged()
    owners = await identity.linked(sql, one.system, one.object, ids)
    dossiers = await load(sql, set(owners.values()), catalog.rules[one.object], systems=[one.system], lock=False)
    heard = await rounds.heard_of(sql, one, owners.keys(), since)
    for id, record in owners.items():
        if dossiers[record].links[one.system].deleted_at is not None:
            judged.found[CONSISTENT] += 1
        elif id in heard:
            judged.found[UNDER_WAY] += 1
        else:
            judged.differs([Difference(Kind.MISSING, one.object, one.system, id, record)])
    return judged


async def judge_records(sql: Sql, catalog: Catalog, one: Round, page: RecordPage, since: int) -> Judged:
    """Judge records by the rows that the round has seen; what was heard of since it began may be newer than it."""
    ids = [link.external_id for link in page.links if link.system == one.system and link.external_id is not None]
    there = await rounds.staged(sql, one, ids) | await rounds.heard_of(sql, one, ids, since)
    judged = Judged()
    for difference in (await compare_records(sql, catalog, one.object, page, {one.system: there}))[one.system]:
        if difference.open is not None:
            judged.found[UNDER_WAY] += 1
        else:
            judged.differs([difference])
    return judged
