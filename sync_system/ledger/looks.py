"""Rows that must be read before they can be taken in: asked for once, however often they are reported."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import looks


async def ask(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Ask for rows to be read; repeated reports of one row fold into one look."""
    if not rows:
        return
    statement = sql.insert(looks)
    statement = statement.on_conflict_do_update(
        index_elements=["external_id", "system", "object"],
        set_={"reported_at": statement.excluded.reported_at, "next_at": statement.excluded.next_at},
    )
    await sql.execute(statement, rows)


async def due(sql: Sql, system: str, object: str, now: int, limit: int) -> list[tuple[str, int, int]]:
    """Return (external id, last reported at, tries) of the looks that are due."""
    query = (
        select(looks.c.external_id, looks.c.reported_at, looks.c.tries)
        .where(looks.c.system == system, looks.c.object == object, looks.c.next_at <= now)
        .order_by(looks.c.next_at)
        .limit(limit)
    )
    return [tuple(row) for row in await sql.execute(query)]


async def done(sql: Sql, system: str, object: str, read: Sequence[tuple[str, int]]) -> None:
    """Forget looks that were answered, unless a report came since the read began."""
    for external_id, reported_at in read:
        await sql.execute(
            delete(looks).where(
                looks.c.external_id == external_id,
                looks.c.system == system,
                looks.c.object == object,
                looks.c.reported_at == reported_at,
            )
        )


async def postpone(sql: Sql, system: str, object: str, ids: Sequence[str], until: int) -> None:
    """Try these again later: the system could not be read."""
    await sql.execute(
        update(looks)
        .where(sql.among(looks.c.external_id, ids), looks.c.system == system, looks.c.object == object)
        .values(tries=looks.c.tries + 1, next_at=until)
    )
