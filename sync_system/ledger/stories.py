"""Everything that the ledger remembers of one record, as rows, the latest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import attempts, events, links, records, results, transactions

Rows = Sequence[Any]


async def record(sql: Sql, id: str) -> Any:
    """Return a record's row."""
    return (await sql.execute(select(records).where(records.c.id == id))).one()


async def links_of(sql: Sql, id: str) -> Rows:
    """Return a record's links, without what the systems are known to hold."""
    c = links.c
    query = select(c.system, c.external_id, c.verify, c.synced_at, c.deleted_at).where(c.record == id)
    return (await sql.execute(query.order_by(c.system))).all()


async def events_of(sql: Sql, id: str, limit: int) -> Rows:
    """Return the latest events that touched a record."""
    query = select(events).where(events.c.record == id).order_by(events.c.id.desc()).limit(limit)
    return (await sql.execute(query)).all()


async def transactions_of(sql: Sql, id: str, limit: int) -> Rows:
    """Return the latest transactions of a record."""
    query = select(transactions).where(transactions.c.record == id).order_by(transactions.c.id.desc()).limit(limit)
    return (await sql.execute(query)).all()


async def results_of(sql: Sql, ids: Sequence[int]) -> Rows:
    """Return what became of every attempt at these transactions, the earliest first."""
    query = select(results).where(sql.among(results.c.transaction, list(ids))).order_by(results.c.at)
    return (await sql.execute(query)).all() if ids else []


async def calls_of(sql: Sql, tokens: Sequence[int]) -> Rows:
    """Return the calls that these claims made, the earliest first."""
    query = select(attempts).where(sql.among(attempts.c.token, list(tokens))).order_by(attempts.c.id)
    return (await sql.execute(query)).all() if tokens else []


async def failing_since(sql: Sql, destination: str, since: int) -> Rows:
    """Return every result since a moment, of transactions to a destination that failed at least once since then."""
    r, t = results.c, transactions.c
    failed = select(r.transaction).where(r.at >= since, r.outcome != "ok")
    query = (
        select(r.transaction, r.at, r.outcome, r.charged, t.state)
        .join(transactions, t.id == r.transaction)
        .where(t.destination == destination, r.at >= since, r.transaction.in_(failed))
        .order_by(r.transaction, r.at)
    )
    return (await sql.execute(query)).all()
