"""Failed and parked transactions as a person selects them: listed by the page, locked, moved."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from sync_system.domain.transactions import Priority, State, Trigger
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import transactions
from sync_system.ledger.transactions import LOCK_RECORDS


@dataclass(frozen=True, slots=True)
class Selection:
    """Which transactions: those that fit all conditions that are given. `since`: of the last failure, microseconds."""

    ids: Sequence[int] | None = None
    fingerprint: str | None = None
    system: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """One transaction of a selection."""

    id: int
    record: str
    destination: str
    object: str
    state: State


async def page(
    sql: Sql, selection: Selection, after: int, limit: int, states: Collection[State] | None
) -> list[Selected]:
    """Return the selected transactions that follow an id and are in one of these states, in any if None."""
    t = transactions.c
    query = _columns().where(t.id > after).order_by(t.id).limit(limit)
    if states is not None:
        query = query.where(t.state.in_(states))
    if selection.ids is not None:
        query = query.where(sql.among(t.id, list(selection.ids)))
    if selection.fingerprint is not None:
        query = query.where(t.fingerprint == selection.fingerprint)
    if selection.system is not None:
        query = query.where(t.destination == selection.system)
    if selection.since is not None:
        query = query.where(t.updated_at >= selection.since)
    return [_selected(row) for row in await sql.execute(query)]


async def lock(sql: Sql, several: Collection[Selected], states: Collection[State]) -> list[Selected]:
    """Lock the records of these transactions, and return those that are in one of these states now.

    Nobody else may wake, supersede or claim them before this SQL transaction ends.
    """
    if not sql.sqlite:
        await sql.execute(LOCK_RECORDS, {"ids": sorted({one.record for one in several})})
    t = transactions.c
    query = _columns().where(sql.among(t.id, [one.id for one in several]), t.state.in_(states)).order_by(t.id)
    return [_selected(row) for row in await sql.execute(query)]


def _columns() -> Any:
    t = transactions.c
    return select(t.id, t.record, t.destination, t.object, t.state)


def _selected(row: Any) -> Selected:
    return Selected(row.id, row.record, row.destination, row.object, State(row.state))


async def retry(sql: Sql, ids: Sequence[int], now: int) -> set[int]:
    """Move failed and parked transactions to pending, with one attempt more than they had; return which moved."""
    t = transactions.c
    statement = (
        update(transactions)
        .where(sql.among(t.id, ids), t.state.in_([State.FAILED, State.PARKED]))
        .values(
            state=State.PENDING, priority=Priority.REPLAY, trigger=Trigger.MANUAL, allowed=t.allowed + 1, announced_at=None,
            updated_at=now,
        )
        .returning(t.id)
    )  # fmt: skip
    return {row.id for row in await sql.execute(statement)}


PARK = (
    update(transactions)
    .where(
        transactions.c.id == bindparam("b_id"),
        or_(transactions.c.state == State.PENDING, transactions.c.state == State.FAILED),
    )
    .values(
        state=State.PARKED, error=bindparam("b_error"), fingerprint=bindparam("b_fingerprint"),
        digest=bindparam("b_digest"), announced_at=None, updated_at=bindparam("b_now"),
    )
)  # fmt: skip


async def park(sql: Sql, rows: Sequence[dict[str, Any]]) -> None:
    """Move locked transactions to parked: rows of b_id, b_error, b_fingerprint, b_digest, b_now."""
    if rows:
        await sql.execute(PARK, list(rows))


async def of_record(sql: Sql, record: str, states: Collection[State]) -> list[int]:
    """Return a record's transactions that are in one of these states."""
    t = transactions.c
    query = select(t.id).where(t.record == record, t.state.in_(states)).order_by(t.id)
    return [row.id for row in await sql.execute(query)]
