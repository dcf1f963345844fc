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
    """Write down what could not be taken in; the same message again waits for a person again."""
    if rows:
        statement = sql.insert(events)
        again = {"received_at": statement.excluded.received_at, "error": statement.excluded.error}
        await sql.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_=again | {"mended_at": None, "decisions": None}),
            rows,
        )
