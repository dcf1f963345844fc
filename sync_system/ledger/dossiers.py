"""Everything that is known about some records: the record, its links, its open transactions; loaded and stored by the batch.

Locks are taken in one order everywhere: records by id, then links, then transactions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from sync_system.domain.link import Intent, Link
from sync_system.domain.mapping import SystemRules
from sync_system.domain.record import Record
from sync_system.domain.transactions import Standing, State
from sync_system.ledger.codec import pack_link, pack_record, unpack_intent, unpack_link, unpack_record
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import links, records, transactions
from sync_system.ledger.transactions import intended

RulesOf = Mapping[str, SystemRules]


@dataclass(slots=True)
class OpenTransaction:
    """A transaction that is waiting or being processed."""

    id: int
    state: State
    standing: Standing
    digest: str | None
    reason: str
    trigger: str
    token: int | None = None
    intent: Intent | None = None


@dataclass(slots=True)
class Dossier:
    """One record with its links and open transactions by system; `touched` and `changed` say what must be stored."""

    record: Record
    links: dict[str, Link] = field(default_factory=dict)
    waiting: dict[str, OpenTransaction] = field(default_factory=dict)
    processing: dict[str, OpenTransaction] = field(default_factory=dict)
    new: bool = False
    changed: bool = False
    touched: set[str] = field(default_factory=set)
    unstored: set[str] = field(default_factory=set)

    def link(self, system: str) -> Link:
        """Return the link to a system, a new one if there is none; it will be stored."""
        self.touched.add(system)
        found = self.links.get(system)
        if found is None:
            found = self.links[system] = Link(self.record.id, system)
            self.unstored.add(system)
            self._adopt_intent(system)
        return found

    def _adopt_intent(self, system: str) -> None:
        """A write that is under way is known to the link while the dossier is open, and stored with its transaction."""
        under_way = self.processing.get(system)
        if under_way and under_way.intent and system in self.links:
            self.links[system].intents.append(under_way.intent)

    def add(self, transaction: OpenTransaction, system: str) -> None:
        """Put an open transaction where it belongs."""
        if transaction.state is State.PROCESSING:
            self.processing[system] = transaction
            self._adopt_intent(system)
        else:
            self.waiting[system] = transaction


async def load(
    sql: Sql,
    ids: Collection[str],
    rules: RulesOf,
    *,
    systems: Sequence[str] | None = None,
    lock: bool = True,
    intents: bool = True,
) -> dict[str, Dossier]:
    """Load records by id, with their links and open transactions (of `systems` only, if given), locked in id order.

    `intents` False: whoever loads holds the claims' intents already.
    """
    if not ids:
        return {}
    wanted = sorted(ids)
    query = select(records).where(sql.among(records.c.id, wanted)).order_by(records.c.id)
    if lock and not sql.sqlite:
        query = query.with_for_update(key_share=True)
    found = {
        row.id: Dossier(unpack_record(row.id, row.object, row.fields, row.stamps, row.deleted_at))
        for row in await sql.execute(query)
    }
    await _load_links(sql, found, rules, systems)
    await _load_transactions(sql, found, systems, intents=intents)
    return found


async def _load_links(
    sql: Sql,
    found: dict[str, Dossier],
    rules: RulesOf,
    systems: Sequence[str] | None,
) -> None:
    query = select(links).where(sql.among(links.c.record, list(found)))
    if systems is not None:
        query = query.where(links.c.system.in_(systems))
    for row in await sql.execute(query):
        if row.system in rules:
            found[row.record].links[row.system] = _link(row, rules[row.system])


def _link(row: Row[Any], rules: SystemRules) -> Link:
    return unpack_link(
        row.record,
        row.system,
        row.external_id,
        row.state,
        rules,
        verify=row.verify,
        revision=row.revision,
        etag=row.etag,
        etag_at=row.etag_at,
        deleted_at=row.deleted_at,
    )


async def _load_transactions(
    sql: Sql, found: dict[str, Dossier], systems: Sequence[str] | None, *, intents: bool
) -> None:
    t = transactions.c
    columns = [
        t.id, t.record, t.destination, t.state, t.attempts, t.at_once, t.expiries, t.failing_since, t.digest, t.reason,
        t.trigger, t.token,
    ]  # fmt: skip
    query = select(*columns).where(
        sql.among(t.record, list(found)), t.state.in_(["pending", "processing", "failed", "parked"])
    )
    if systems is not None:
        query = query.where(t.destination.in_(systems))
    rows = (await sql.execute(query)).all()
    sent = await intended(sql, {row.token for row in rows if row.state == "processing"}) if intents else {}
    for id, record, destination, state, attempts, at_once, expiries, since, digest, reason, trigger, token in rows:
        intent = sent.get(str(id)) if state == "processing" else None
        found[record].add(
            OpenTransaction(
                id,
                State(state),
                Standing(attempts, at_once, expiries, since),
                digest,
                reason,
                trigger,
                token,
                unpack_intent(intent) if intent is not None else None,
            ),
            destination,
        )


async def store(sql: Sql, dossiers: Iterable[Dossier], rules: RulesOf, now: int) -> None:
    """Store what was changed: new and changed records, new and touched links."""
    new_records: list[dict[str, Any]] = []
    changed_records: list[dict[str, Any]] = []
    new_links: list[dict[str, Any]] = []
    changed_links: list[dict[str, Any]] = []
    for dossier in dossiers:
        record = dossier.record
        if dossier.new or dossier.changed:
            fields, stamps = pack_record(record)
            row = {"id": record.id, "object": record.object, "fields": fields, "stamps": stamps, "updated_at": now}
            row["deleted_at"] = record.deleted_at
            (new_records if dossier.new else changed_records).append(row)
        for system in dossier.touched:
            (new_links if system in dossier.unstored else changed_links).append(
                _link_row(dossier, dossier.links[system], rules[system], now)
            )
        dossier.new = dossier.changed = False
        dossier.touched, dossier.unstored = set(), set()
    if new_records:
        await sql.add(records, [row | {"created_at": now} for row in new_records])
    if changed_records:
        await sql.execute(UPDATE_RECORD, [{f"b_{k}": v for k, v in row.items()} for row in changed_records])
    if new_links:
        await sql.add(links, new_links)
    if changed_links:
        changed_links.sort(key=lambda row: (row["record"], row["system"]))
        await sql.execute(UPDATE_LINK, [{f"b_{k}": v for k, v in row.items()} for row in changed_links])


def _link_row(dossier: Dossier, link: Link, rules: SystemRules, now: int) -> dict[str, Any]:
    under_way = dossier.processing.get(link.system)
    if under_way is not None and link.intents:
        link.intents = [i for i in link.intents if i.token != under_way.token]
    return {
        "record": link.record,
        "system": link.system,
        "object": dossier.record.object,
        "external_id": link.external_id,
        "state": pack_link(link, rules),
        "verify": link.verify,
        "revision": link.revision,
        "etag": link.etag,
        "etag_at": link.etag_at,
        "synced_at": now,
        "deleted_at": link.deleted_at,
    }


UPDATE_RECORD = (
    update(records)
    .where(records.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in ("fields", "stamps", "updated_at", "deleted_at")})
)
UPDATE_LINK = (
    update(links)
    .where(links.c.record == bindparam("b_record"), links.c.system == bindparam("b_system"))
    .values(
        {
            name: bindparam(f"b_{name}")
            for name in ("external_id", "state", "verify", "revision", "etag", "etag_at", "synced_at", "deleted_at")
        }
    )
)
