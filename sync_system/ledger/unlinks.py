"""A run's links taken back: the rows stay as they are, and nobody remembers that they were the same."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select

from sync_system.domain.transactions import WAITING, State
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import held, links, matches, records, run_rows, transactions
from sync_system.ledger.transactions import Plan


async def under_way(sql: Sql, ids: Collection[str], systems: Sequence[str]) -> set[str]:
    """Return which of these records are just being delivered to one of the systems."""
    t = transactions.c
    query = select(t.record).where(
        sql.among(t.record, list(ids)), t.destination.in_(systems), t.state == State.PROCESSING
    )
    return {row.record for row in await sql.execute(query)}


async def take_back(sql: Sql, run: str, object: str, ids: Collection[str], systems: Sequence[str]) -> Plan:
    """Forget the links of these records that a run has made, and those that are left without any; no row is touched.

    Return what becomes of their waiting transactions, for the caller to apply.
    """
    found, plan, t = list(ids), Plan(), transactions.c
    before = select(run_rows.c.external_id).where(
        run_rows.c.run == run, run_rows.c.system == links.c.system, run_rows.c.external_id == links.c.external_id,
        run_rows.c.was_linked,
    )  # fmt: skip
    made = (sql.among(links.c.record, found), links.c.system.in_(systems), links.c.object == object)
    await sql.execute(delete(links).where(*made, ~before.exists()))
    waiting = select(t.id, t.state, t.destination).where(
        sql.among(t.record, found), t.destination.in_(systems), t.state.in_(WAITING)
    )
    for row in await sql.execute(waiting):
        plan.supersede(row.id, State(row.state), row.destination)
    linked = {row.record for row in await sql.execute(select(links.c.record).where(sql.among(links.c.record, found)))}
    left = sorted(set(found) - linked)
    await sql.execute(delete(matches).where(sql.among(matches.c.record, left)))
    await sql.execute(delete(records).where(sql.among(records.c.id, left)))
    return plan


async def let_go(sql: Sql, run: str) -> None:
    """Let the rows that a run has put apart, and that nobody has decided about, be as they were."""
    await sql.execute(delete(held).where(held.c.run == run, held.c.decision.is_(None)))
