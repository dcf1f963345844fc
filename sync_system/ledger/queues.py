"""What waits for each destination, and for how long: transactions as the queue that they are."""

from collections.abc import Sequence

from sqlalchemy import func, select, text

from sync_system.domain.transactions import Priority
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import transactions


async def counts(sql: Sql) -> list[tuple[str, str, int]]:
    """Return (destination, state, number) of everything that is open."""
    t = transactions.c
    query = (
        select(t.destination, t.state, func.count())
        .where(t.state.in_(["pending", "processing", "failed", "parked"]))
        .group_by(t.destination, t.state)
    )
    return [tuple(row) for row in await sql.execute(query)]


async def bulk_waits(sql: Sql, destination: str) -> bool:
    """Whether any bulk work waits for a destination."""
    t = transactions.c
    query = select(t.id).where(
        t.destination == destination, t.priority == Priority.BULK, text("transactions.state = 'pending'")
    )
    return (await sql.execute(query.limit(1))).first() is not None


async def count_bulk(sql: Sql, destination: str, most: int) -> int:
    """Return how much bulk work waits for a destination, counted no further than `most`."""
    t = transactions.c
    some = select(t.id).where(
        t.destination == destination, t.priority == Priority.BULK, text("transactions.state = 'pending'")
    )
    counted = select(func.count()).select_from(some.limit(most).subquery())
    return int((await sql.execute(counted)).scalar_one())


async def oldest_waiting(sql: Sql) -> dict[str, int]:
    """Return since when (microseconds) the oldest pending transaction of each destination waits."""
    t = transactions.c
    query = select(t.destination, func.min(t.updated_at)).where(t.state == "pending").group_by(t.destination)
    return {row[0]: row[1] for row in await sql.execute(query)}


# So many at the head of the line are looked at, for one of them that was changed just now.
HEAD = 100


async def oldest_in_line(sql: Sql, destinations: Sequence[str]) -> dict[str, int]:
    """Return since when (microseconds) the oldest at the head of each destination's line waits, however long it is."""
    t = transactions.c
    found: dict[str, int] = {}
    for name in destinations:
        for priority in Priority:
            head = select(t.updated_at).where(
                t.destination == name, t.priority == priority, text("transactions.state = 'pending'")
            )
            head_rows = head.order_by(t.id).limit(HEAD).subquery()
            oldest = (await sql.execute(select(func.min(head_rows.c.updated_at)))).scalar_one()
            if oldest is not None:
                found[name] = min(oldest, found.get(name, oldest))
    return found
