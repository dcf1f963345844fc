"""Who is who: rows found by their id, by our key, or by the values that a person is known by."""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from sqlalchemy import BigInteger, bindparam, delete, func, select
from sqlalchemy.types import ARRAY

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import links, matches, records

MatchValue = tuple[str, str]  # field, value


async def linked(sql: Sql, system: str, object: str, external_ids: Collection[str]) -> dict[str, str]:
    """Return which of a system's rows are linked: external id to record id."""
    query = select(links.c.external_id, links.c.record).where(
        sql.among(links.c.external_id, list(external_ids)), links.c.system == system, links.c.object == object
    )
    return {row.external_id: row.record for row in await sql.execute(query)} if external_ids else {}


async def existing(sql: Sql, object: str, ids: Collection[str]) -> set[str]:
    """Return which of these record ids there are."""
    if not ids:
        return set()
    query = select(records.c.id).where(sql.among(records.c.id, list(ids)), records.c.object == object)
    return {row.id for row in await sql.execute(query)}


async def serialise(sql: Sql, object: str, values: Iterable[MatchValue]) -> None:
    """Let nobody else create a record with one of these match values before this SQL transaction ends.

    SQLite has one writer anyway. In PostgreSQL: advisory locks, taken in one order.
    """
    if sql.sqlite:
        return
    marks = sorted({_mark(object, field, value) for field, value in values})
    if marks:
        listed = func.unnest(bindparam(None, marks, ARRAY(BigInteger))).column_valued("mark")
        ordered = select(listed).order_by(listed).subquery()
        await sql.execute(select(func.count(func.pg_advisory_xact_lock(ordered.c.mark))))


def _mark(object: str, field: str, value: str) -> int:
    digest = blake2b(f"{object}\0{field}\0{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def candidates(sql: Sql, object: str, values: Collection[MatchValue]) -> dict[MatchValue, set[str]]:
    """Return the records that are known by each of these match values."""
    found: dict[MatchValue, set[str]] = {}
    if not values:
        return found
    listed = sorted({value for _, value in values})
    query = select(matches.c.field, matches.c.value, matches.c.record).where(
        sql.among(matches.c.value, listed), matches.c.object == object
    )
    for row in await sql.execute(query):
        found.setdefault((row.field, row.value), set()).add(row.record)
    return found


async def remember(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Note what new records are known by."""
    await sql.add(matches, rows)


async def replace(sql: Sql, object: str, known_by: Mapping[str, Collection[MatchValue]]) -> None:
    """Note what these records are known by now."""
    if not known_by:
        return
    await sql.execute(delete(matches).where(sql.among(matches.c.record, list(known_by))))
    await remember(
        sql,
        [
            {"object": object, "field": field, "value": value, "record": record}
            for record, values in known_by.items()
            for field, value in values
        ],
    )
