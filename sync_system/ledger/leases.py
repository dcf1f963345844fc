"""Leases by name: what only one process does at a time."""

from sqlalchemy import delete, or_

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import leases

c = leases.c


async def hold(sql: Sql, name: str, owner: str, now: int, until: int) -> bool:
    """Take a lease, or keep it; False while it is somebody else's."""
    statement = sql.insert(leases).values(name=name, owner=owner, until=until)
    free = or_(c.owner == owner, c.until < now)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"owner": owner, "until": until}, where=free
    )
    return bool((await sql.execute(statement.returning(c.name))).first())


async def release(sql: Sql, name: str, owner: str) -> None:
    """Give a lease up."""
    await sql.execute(delete(leases).where(c.name == name, c.owner == owner))
