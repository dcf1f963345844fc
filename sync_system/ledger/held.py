"""Rows that stand apart as probable duplicates until a person decides."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import held, links


@dataclass(frozen=True, slots=True)
class Standing:
    """A row that stands apart. `decision` None: nobody has decided. `run`: that has put it apart."""

    decision: str | None
    run: str | None

    @property
    def waits(self) -> bool:
        """Whether it stays apart whatever is reported of it, until a person decides."""
        return self.decision is None and self.run is not None


async def find(sql: Sql, system: str, object: str, external_ids: Collection[str]) -> dict[str, Standing]:
    """Return which of a system's rows stand apart, and how."""
    query = select(held.c.external_id, held.c.decision, held.c.run).where(
        sql.among(held.c.external_id, list(external_ids)), held.c.system == system, held.c.object == object
    )
    return {row[0]: Standing(row[1], row[2]) for row in await sql.execute(query)} if external_ids else {}


async def hold(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Let rows stand apart, or note why they still do."""
    if rows:
        statement = sql.insert(held)
        changed = {name: statement.excluded[name] for name in ("candidates", "reason", "payload", "updated_at")}
        await sql.execute(
            statement.on_conflict_do_update(index_elements=["external_id", "system", "object"], set_=changed), rows
        )


async def hold_for_a_run(sql: Sql, rows: list[dict[str, Any]]) -> None:
    """Let rows that a run cannot tell apart stand apart; those that are linked or held by now are left as they are."""
    if not rows:
        return
    ids, (one, *_) = [row["external_id"] for row in rows], rows
    query = select(links.c.external_id).where(
        sql.among(links.c.external_id, ids), links.c.system == one["system"], links.c.object == one["object"]
    )
    linked = {row.external_id for row in await sql.execute(query)}
    fresh = [row for row in rows if row["external_id"] not in linked]
    if fresh:
        await sql.execute(sql.insert(held).on_conflict_do_nothing(), fresh)


async def release(sql: Sql, system: str, object: str, ids: Collection[str]) -> None:
    """Let rows join the sync: what stood against it is gone, or a person has decided."""
    if ids:
        await sql.execute(
            delete(held).where(
                sql.among(held.c.external_id, list(ids)), held.c.system == system, held.c.object == object
            )
        )


async def to_withdraw(sql: Sql, system: str, object: str, limit: int) -> list[Any]:
    """Return our newborn rows that must go again, with what we wrote into them."""
    query = (
        select(held).where(held.c.system == system, held.c.object == object, held.c.decision == "withdraw").limit(limit)
    )
    return list((await sql.execute(query)).all())


async def leave_to_a_person(sql: Sql, system: str, object: str, ids: Collection[str], now: int) -> None:
    """Keep rows that were to be withdrawn, because somebody has worked on them meanwhile."""
    if ids:
        await sql.execute(
            update(held)
            .where(sql.among(held.c.external_id, list(ids)), held.c.system == system, held.c.object == object)
            .values(decision=None, reason="made by us beside another row, and worked on since", updated_at=now)
        )
