"""How fast each system may be called, shared by all processes: the next free moment, and what the system has asked."""

from dataclasses import dataclass

from sqlalchemy import select, text, update

from sync_system.domain.pace import DAY, MOST_HALVINGS, slowed
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import limits

c = limits.c


@dataclass(frozen=True, slots=True)
class Limit:
    """What is known of a system's limits. `held_until`: it asked to be left alone until then, in microseconds."""

    held_until: int = 0
    slowed: int = 0
    slowed_at: int = 0
    day: int = 0
    calls: int = 0
    allowance: int | None = None
    left: int | None = None

    def today(self, now: int) -> int:
        """Return how many calls went out on the day of `now`."""
        return self.calls if self.day == now // DAY else 0


async def read(sql: Sql, name: str) -> Limit:
    """Return what is known of a system."""
    query = select(c.held_until, c.slowed, c.slowed_at, c.day, c.calls, c.allowance, c.left).where(c.name == name)
    found = (await sql.execute(query)).one_or_none()
    return Limit() if found is None else Limit(*found)


async def read_all(sql: Sql) -> dict[str, Limit]:
    """Return what is known of every system."""
    query = select(c.name, c.held_until, c.slowed, c.slowed_at, c.day, c.calls, c.allowance, c.left)
    return {row[0]: Limit(*row[1:]) for row in await sql.execute(query)}


async def make(sql: Sql, name: str) -> None:
    """Make a system's row, if there is none."""
    row = {"name": name, "free_at": 0, "held_until": 0, "slowed": 0, "slowed_at": 0, "day": 0, "calls": 0}
    await sql.execute(sql.insert(limits).values(row).on_conflict_do_nothing())


async def reserve(sql: Sql, name: str, step: int, count: int, burst: int, now: int) -> int:
    """Take the next `count` calls; return when the first may go out.

    `step`: microseconds from one call to the next. `burst`: microseconds of rest that are made up for.
    """
    row = {"name": name, "step": step * count, "count": count, "rested": now - burst, "day": now // DAY}
    found = (await sql.execute(RESERVE, row)).one()
    return int(found.free_at) - step * count


RESERVE = text(
    """
    UPDATE limits SET
      free_at = CASE WHEN free_at > :rested THEN free_at ELSE :rested END + :step,
      calls = CASE WHEN day = :day THEN calls ELSE 0 END + :count, day = :day
    WHERE name = :name RETURNING free_at
    """
)


async def complained(sql: Sql, name: str, until: int, now: int) -> None:
    """Note that a system said that it was called too fast: it is left alone until a moment, then called at half the pace."""
    await make(sql, name)
    query = select(c.slowed, c.slowed_at, c.held_until).where(c.name == name).with_for_update()
    row = (await sql.execute(query)).one()
    # Calls that were under way together complain together: that is one complaint.
    again = now > row.held_until
    halvings = min(slowed(row.slowed, row.slowed_at, now) + again, MOST_HALVINGS)
    values = {"slowed": halvings, "slowed_at": now, "held_until": max(until, row.held_until)}
    await sql.execute(update(limits).where(c.name == name).values(values))


async def note_day(sql: Sql, name: str, allowance: int, left: int) -> None:
    """Note what a system says of its day."""
    await make(sql, name)
    await sql.execute(update(limits).where(c.name == name).values(allowance=allowance, left=left))
