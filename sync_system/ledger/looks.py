"""Rows that must be read before they can be taken in: asked for once, however often they are reported."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update

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


_row = (
    looks.c.external_id == bindparam("b_id"),
    looks.c.system == bindparam("b_system"),
    looks.c.object == bindparam("b_object"),
)
DONE = delete(looks).where(*_row, looks.c.reported_at == bindparam("b_reported_at"))
POSTPONE = update(looks).where(*_row).values(tries=looks.c.tries + 1, next_at=bindparam("b_until"))


async def done(sql: Sql, system: str, object: str, read: Sequence[tuple[str, int]]) -> None:
    """Forget looks that were answered, unless a report came since the read began."""
    await sql.execute(
        DONE, [{"b_id": id, "b_system": system, "b_object": object, "b_reported_at": at} for id, at in sorted(read)]
    )


async def postpone(sql: Sql, system: str, object: str, until: Mapping[str, int]) -> None:
    """Try these again later, each at its own moment: the system could not be read."""
    await sql.execute(
        POSTPONE,
        [{"b_id": id, "b_system": system, "b_object": object, "b_until": at} for id, at in sorted(until.items())],
    )


async def hasten(sql: Sql, system: str, object: str, now: int) -> None:
    """Let everything that was postponed be tried at once: the system can be read again."""
    await sql.execute(
        update(looks)
        .where(looks.c.system == system, looks.c.object == object, looks.c.next_at > now, looks.c.tries > 0)
        .values(next_at=now)
    )


async def hasten_rows(sql: Sql, system: str, object: str, ids: Collection[str], now: int) -> None:
    """Let these rows be read at once, where they are to be read at all."""
    if ids:
        await sql.execute(
            update(looks)
            .where(sql.among(looks.c.external_id, list(ids)), looks.c.system == system, looks.c.object == object)
            .values(next_at=now)
        )
