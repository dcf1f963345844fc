"""What people ask of the ledger: counts by time, what waits where, and pages of records with their rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from sync_system.ledger.counters import HOURS, MINUTES, totals
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import counters, cursors, held, links, looks, records, transactions


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened from a minute (since 1970) on. `value`: an outcome or a state, or nothing."""

    minute: int
    name: str
    system: str
    value: str
    count: int


async def counted(sql: Sql, since: int, size: int) -> list[Count]:
    """Return the counters since a minute, added up in steps of `size` minutes, the earliest first.

    Of what is older than a day, hours are the shortest steps.
    """
    c = counters.c
    step = (c.minute - c.minute % size).label("step")
    query = (
        select(step, c.name, c.system, c.value, func.sum(c.count))
        .where(c.span.in_((MINUTES, HOURS)), c.minute >= since)
        .group_by(step, c.name, c.system, c.value)
        .order_by(step)
    )
    return [Count(row[0], row[1], row[2], row[3], int(row[4])) for row in await sql.execute(query)]


async def states(sql: Sql) -> list[tuple[str, str, int]]:
    """Return (destination, state, how many transactions stand there now), from the counters alone."""
    found = await totals(sql)
    return [(system, value, count) for (name, system, value), count in found.items() if name == "state"]


async def asked_looks(sql: Sql, now: int) -> dict[str, tuple[int, int]]:
    """Return for each system how many looks are asked for, and how many of them are due."""
    due = func.sum(func.cast(looks.c.next_at <= now, looks.c.tries.type))
    query = select(looks.c.system, func.count(), due).group_by(looks.c.system)
    return {row[0]: (row[1], int(row[2])) for row in await sql.execute(query)}


async def undecided(sql: Sql) -> dict[str, int]:
    """Return for each system how many rows stand apart and wait for a person."""
    query = select(held.c.system, func.count()).where(held.c.decision.is_(None)).group_by(held.c.system)
    return {row[0]: row[1] for row in await sql.execute(query)}


async def polled(sql: Sql) -> dict[str, int]:
    """Return when (microseconds) a poll of each system last brought something."""
    query = select(cursors.c.system, func.max(cursors.c.updated_at)).group_by(cursors.c.system)
    return {row[0]: row[1] for row in await sql.execute(query)}


@dataclass(frozen=True, slots=True)
class Linked:
    """A link without what the system is known to hold."""

    record: str
    system: str
    external_id: str | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Some records that are not deleted, in id order, and all their links."""

    records: Sequence[str]
    links: Sequence[Linked]


async def record_page(sql: Sql, object: str, after: str, limit: int) -> RecordPage:
    """Return the records that follow an id; an empty page is the end."""
    query = (
        select(records.c.id)
        .where(records.c.object == object, records.c.id > after, records.c.deleted_at.is_(None))
        .order_by(records.c.id)
        .limit(limit)
    )
    ids = [row.id for row in await sql.execute(query)]
    if not ids:
        return RecordPage([], [])
    query_links = select(links.c.record, links.c.system, links.c.external_id, links.c.deleted_at)
    rows = await sql.execute(query_links.where(sql.among(links.c.record, ids)))
    return RecordPage(ids, [Linked(r.record, r.system, r.external_id, r.deleted_at is not None) for r in rows])


async def open_transactions(sql: Sql, object: str) -> dict[tuple[str, str], int]:
    """Return how many transactions of an object are not at their end, by destination and state."""
    t = transactions.c
    query = (
        select(t.destination, t.state, func.count())
        .where(t.object == object, t.state.in_(["pending", "processing", "failed", "parked"]))
        .group_by(t.destination, t.state)
    )
    return {(row[0], row[1]): row[2] for row in await sql.execute(query)}
