"""How far each system's changes have been read."""

from sqlalchemy import select

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import cursors


async def read(sql: Sql, system: str, object: str) -> str | None:
    """Return where to go on, None for the beginning."""
    query = select(cursors.c.cursor).where(cursors.c.system == system, cursors.c.object == object)
    return (await sql.execute(query)).scalar_one_or_none()


async def keep(sql: Sql, system: str, object: str, cursor: str, now: int) -> None:
    """Remember where to go on."""
    statement = sql.insert(cursors)
    statement = statement.on_conflict_do_update(
        index_elements=["system", "object"],
        set_={"cursor": statement.excluded.cursor, "updated_at": statement.excluded.updated_at},
    )
    await sql.execute(statement, [{"system": system, "object": object, "cursor": cursor, "updated_at": now}])


async def begin(sql: Sql, system: str, object: str, cursor: str, now: int) -> None:
    """Remember where to begin, unless the changes of this system have been read before."""
    row = {"system": system, "object": object, "cursor": cursor, "updated_at": now}
    await sql.execute(sql.insert(cursors).on_conflict_do_nothing(), [row])
