"""Messages that are tried alone because they came back too often, and how often: known before each try, not after it."""

from sqlalchemy import delete

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import suspects


async def note_try(sql: Sql, message: str, now: int) -> int:
    """Note that a message is about to be tried alone; return how often it was before."""
    statement = sql.insert(suspects).values(message=message, tries=1, tried_at=now)
    statement = statement.on_conflict_do_update(
        index_elements=["message"], set_={"tries": suspects.c.tries + 1, "tried_at": now}
    )
    return int((await sql.execute(statement.returning(suspects.c.tries))).scalar_one()) - 1


async def clear(sql: Sql, message: str) -> None:
    """Note that a message has been dealt with."""
    await sql.execute(delete(suspects).where(suspects.c.message == message))
