"""What a person names, found: a transaction's or record's id, a row of a system, an email address, a phone number."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from sync_system.domain.catalog import Catalog
from sync_system.domain.fields import normal
from sync_system.errors import InvalidValue, NotFound
from sync_system.ledger import identity
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.identity import MatchValue
from sync_system.ledger.tables import records, transactions

RECORD = re.compile(r"[0-9a-f]{32}\Z")
LONGEST_ID = 18  # digits: what a transaction's id can have
KINDS = "a transaction's id, a record's id, SYSTEM:ROW, an email address or a phone number"


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the transaction of it that was named, if one was."""

    record: str
    transaction: int | None = None


async def find(db: Database, catalog: Catalog, name: str) -> Found:
    """Return what a name stands for; raise NotFound if there is nothing, or more than one thing."""
    async with db.read() as sql:
        found = await _find(sql, catalog, name.strip())
    if not found:
        raise NotFound(f"there is nothing known as {name!r}: name {KINDS}")
    if len(found) > 1:
        several = ", ".join(sorted(one.record for one in found))
        raise NotFound(f"{len(found)} records are known as {name!r}: name one of {several}")
    return found[0]


async def _find(sql: Sql, catalog: Catalog, name: str) -> list[Found]:
    if name.isascii() and name.isdigit() and len(name) <= LONGEST_ID:
        query = select(transactions.c.record).where(transactions.c.id == int(name))
        if (record := (await sql.execute(query)).scalar()) is not None:
            return [Found(record, int(name))]
    if RECORD.match(plain := name.replace("-", "").lower()):
        query = select(records.c.id).where(records.c.id == plain)
        if (await sql.execute(query)).scalar() is not None:
            return [Found(plain)]
    system, _, row = name.partition(":")
    owners: set[str] = set()
    for object, routes in catalog.routes.items():
        if row and system in routes:
            owners |= set((await identity.linked(sql, system, object, [row])).values())
        known = await identity.candidates(sql, object, list(match_values(catalog, object, name)))
        owners |= {record for several in known.values() for record in several}
    return [Found(record) for record in owners]


def match_values(catalog: Catalog, object: str, name: str) -> Iterable[MatchValue]:
    """Return what a name may be as a value that records of an object are known by."""
    spec = catalog.objects[object]
    for field in {group[0] for group in spec.match if len(group) == 1}:
        try:
            value = normal(spec.fields[field], name, spec.default_region)
        except InvalidValue:
            continue
        if value is not None:
            yield field, str(value)
