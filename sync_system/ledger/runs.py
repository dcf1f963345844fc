"""Runs over whole systems: what was asked for, how far each has come, what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import runs

c = runs.c


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `progress`: where each reading goes on, and what has been done. Times in microseconds."""

    id: str
    kind: str
    object: str
    systems: Sequence[str]
    state: str
    options: Mapping[str, Any]
    progress: Mapping[str, Any]
    report: Mapping[str, Any] | None
    created_at: int
    updated_at: int
    ended_at: int | None


async def begin(sql: Sql, run: Run) -> None:
    """Write down a new run."""
    await sql.execute(insert(runs).values({name: getattr(run, name) for name in c.keys()}))  # noqa: SIM118


async def read(sql: Sql, id: str) -> Run | None:
    """Return a run by its id, None if there is none."""
    found = (await sql.execute(select(runs).where(c.id == id))).first()
    return None if found is None else Run(*found)


async def latest(sql: Sql, kind: str, object: str, systems: Sequence[str]) -> Run | None:
    """Return the last run of a kind over these systems, None if there is none."""
    query = select(runs).where(c.kind == kind, c.object == object).order_by(c.created_at.desc(), c.id.desc())
    found = (Run(*row) for row in await sql.execute(query))
    return next((run for run in found if list(run.systems) == list(systems)), None)


async def note(sql: Sql, id: str, now: int, **changed: Any) -> None:
    """Note how far a run has come: any of `state`, `options`, `progress`, `report`, `ended_at`."""
    await sql.execute(update(runs).where(c.id == id).values(updated_at=now, **changed))


async def drop_open(sql: Sql, kind: str, object: str, systems: Sequence[str], now: int) -> None:
    """End the runs of a kind over these systems that nobody will go on with."""
    query = select(c.id, c.systems).where(c.kind == kind, c.object == object, c.ended_at.is_(None))
    ids = [row.id for row in await sql.execute(query) if list(row.systems) == list(systems)]
    await sql.execute(update(runs).where(c.id.in_(ids)).values(state="dropped", ended_at=now, updated_at=now))
