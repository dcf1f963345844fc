"""Causes of failure: one row for each destination and fingerprint, counted as failures are settled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, func, select, text

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import causes, transactions

LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Failed:
    """One failure of a transaction, at a time in microseconds."""

    destination: str
    fingerprint: str
    outcome: str
    code: str
    message: str
    status: int | None
    transaction: int


async def note(sql: Sql, failures: Iterable[Failed], now: int) -> None:
    """Count failures by their cause, in one order so that two batches never wait for each other in a ring."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in failures:
        counted = rows.get((one.destination, one.fingerprint), {}).get("count", 0)
        rows[one.destination, one.fingerprint] = {
            "destination": one.destination, "fingerprint": one.fingerprint, "outcome": one.outcome,
            "code": one.code[:128], "message": one.message[:LONGEST_MESSAGE], "status": one.status,
            "transaction": one.transaction, "count": counted + 1, "first_at": now, "last_at": now,
            "b_of": one.transaction,
        }  # fmt: skip
    if not rows:
        return
    of = select(func.coalesce(func.max(transactions.c.object), "")).where(transactions.c.id == bindparam("b_of"))
    named: dict[str, Any] = {name: bindparam(name) for name in causes.c.keys() if name != "object"}  # noqa: SIM118
    statement = sql.insert(causes).values(named | {"object": of.scalar_subquery()})
    new = statement.excluded
    changed = {name: new[name] for name in ("message", "status", "transaction", "last_at")}
    statement = statement.on_conflict_do_update(
        index_elements=["destination", "fingerprint"], set_=changed | {"count": causes.c.count + new["count"]}
    )
    await sql.execute(statement, [rows[key] for key in sorted(rows)])


@dataclass(frozen=True, slots=True)
class OpenCause:
    """A cause and how many transactions failed or are parked because of it. Times in microseconds, None if unknown."""

    destination: str
    fingerprint: str | None
    object: str
    failed: int
    parked: int
    outcome: str
    code: str
    status: int | None
    message: str
    transaction: int
    count: int
    first_at: int | None
    last_at: int | None


async def listed(sql: Sql, system: str | None = None, *, closed: bool = False) -> Sequence[OpenCause]:
    """Return the causes of what is failed or parked now, the commonest first; `closed`: those of the past as well."""
    open_ = _open().subquery()
    o, c = open_.c, causes.c
    same = and_(c.destination == o.destination, c.fingerprint == o.fingerprint)
    columns = (
        func.coalesce(c.destination, o.destination).label("destination"), func.coalesce(c.fingerprint, o.fingerprint),
        func.coalesce(c.object, o.object), func.coalesce(o.failed, 0).label("failed"),
        func.coalesce(o.parked, 0).label("parked"), func.coalesce(c.outcome, ""), func.coalesce(c.code, ""), c.status,
        func.coalesce(c.message, o.error, ""), func.coalesce(o.transaction, c.transaction), func.coalesce(c.count, 0),
        func.coalesce(c.first_at, o.first_at), func.coalesce(c.last_at, o.last_at),
    )  # fmt: skip
    tables = causes.outerjoin(open_, same) if closed else open_.outerjoin(causes, same)
    query = select(*columns).select_from(tables)
    if system is not None:
        query = query.where((c if closed else o).destination == system)
    found = [OpenCause(*tuple[Any, ...](row)) for row in await sql.execute(query)]
    if closed:  # what failed before it had a fingerprint has no cause to join
        found += [one for one in await listed(sql, system) if one.fingerprint is None]
    return sorted(found, key=lambda one: (-one.failed - one.parked, -(one.last_at or 0), one.destination))


def _open() -> Any:
    t = transactions.c
    failed, parked = (func.sum(case((t.state == state, 1), else_=0)) for state in ("failed", "parked"))
    return (
        select(
            t.destination, t.fingerprint, func.max(t.object).label("object"), failed.label("failed"),
            parked.label("parked"), func.max(t.error).label("error"), func.max(t.id).label("transaction"),
            func.min(t.failing_since).label("first_at"), func.max(t.updated_at).label("last_at"),
        )
        .where(text("transactions.state IN ('failed', 'parked')"))  # as its index has it
        .group_by(t.destination, t.fingerprint)
    )  # fmt: skip
