"""Messages that could not be taken in, until a person has put them back or set them aside."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select, text, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import events

INVALID = text("events.outcome = 'invalid'")  # as its index has it
PUT_BACK = "put back"
DROPPED = "dropped"


async def page(sql: Sql, system: str | None, limit: int) -> Sequence[Any]:
    """Return the latest messages that wait for a person."""
    e = events.c
    query = select(events).where(INVALID, e.mended_at.is_(None))
    if system is not None:
        query = query.where(e.source == system)
    return (await sql.execute(query.order_by(e.received_at.desc(), e.id).limit(limit))).all()


async def listed(sql: Sql, after: str, limit: int) -> list[tuple[str, str, str]]:
    """Return (id, system, reason) of messages that wait for a person, in the order of their ids."""
    e = events.c
    query = select(e.id, e.source, e.error).where(INVALID, e.mended_at.is_(None), e.id > after)
    return [tuple(row) for row in await sql.execute(query.order_by(e.id).limit(limit))]


async def known(sql: Sql, ids: Collection[str]) -> dict[str, Any]:
    """Return rejected messages by id, also those that have been dealt with."""
    query = select(events).where(sql.among(events.c.id, sorted(ids)), events.c.outcome == "invalid")
    return {row.id: row for row in await sql.execute(query)} if ids else {}


async def beginning(sql: Sql, start: str, limit: int) -> list[str]:
    """Return the ids that begin so."""
    e = events.c
    query = select(e.id).where(e.outcome == "invalid", e.id >= start, e.id < start + "g").limit(limit)
    return [row.id for row in await sql.execute(query)]


async def settle(sql: Sql, rows: Sequence[Any], what: str, reason: str, now: int) -> int:
    """Note what became of messages; one that came again since it was read stays open. Return how many were noted."""
    e = events.c
    unchanged = or_(*(and_(e.id == row.id, e.received_at == row.received_at) for row in rows))
    statement = (
        update(events)
        .where(unchanged, e.outcome == "invalid")
        .values(mended_at=now, decisions=[[what, [reason] if reason else []]])
    )
    return int((await sql.execute(statement)).rowcount) if rows else 0


async def settled(sql: Sql, ids: Collection[str]) -> set[str]:
    """Return which of these messages have been dealt with, or never were written down."""
    query = select(events.c.id).where(
        sql.among(events.c.id, sorted(ids)), events.c.outcome == "invalid", events.c.mended_at.is_(None)
    )
    return set(ids) - {row.id for row in await sql.execute(query)} if ids else set()


async def waiting(sql: Sql) -> dict[str, int]:
    """Return how many messages of each system wait for a person."""
    e = events.c
    query = select(e.source, func.count()).where(INVALID, e.mended_at.is_(None)).group_by(e.source)
    return {row[0]: row[1] for row in await sql.execute(query)}
