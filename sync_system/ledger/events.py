"""The events that were received: each once, with its outcome."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import events


async def known(sql: Sql, source: str, event_ids: Collection[str]) -> set[str]:
    """Return which of a source's event ids have been taken in before."""
    query = select(events.c.event_id).where(
        sql.among(events.c.event_id, list(event_ids)), events.c.source == source, events.c.outcome != "invalid"
    )
    return {row.event_id for row in await sql.execute(query)} if event_ids else set()


async def add(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Write events down; a second worker with the same event meets the unique index, and its batch starts again."""
    await sql.add(events, rows)


async def add_invalid(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Write down what could not be taken in; the same message a second time changes nothing."""
    if rows:
        await sql.execute(sql.insert(events).on_conflict_do_nothing(index_elements=["id"]), rows)


async def rejected_after(sql: Sql, after: str, limit: int) -> list[tuple[str, str, str]]:
    """Return (id, system, reason) of rejected messages that nobody has dealt with, in the order of their ids."""
    e = events.c
    query = (
        select(e.id, e.source, e.error)
        .where(e.outcome == "invalid", e.mended_at.is_(None), e.id > after)
        .order_by(e.id)
        .limit(limit)
    )
    return [tuple(row) for row in await sql.execute(query)]
