"""What a run has read of each system: rows by their ids, and what they are known by; written again, never doubled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import held, links, run_matches, run_rows, runs

r, m = run_rows.c, run_matches.c
KEY = "our key"


@dataclass(frozen=True, slots=True)
class Staged:
    """A row as a run has read it. `found`: how it differs from its partner, or why it is ambiguous or refused."""

    system: str
    external_id: str
    key: str | None
    at: int | None
    etag: str | None
    payload: Mapping[str, Any] | None
    verdict: str | None
    partner: str | None
    found: Any
    record: str | None


COLUMNS: tuple[Any, ...] = (
    r.system,
    r.external_id,
    r.key,
    r.at,
    r.etag,
    r.payload,
    r.verdict,
    r.partner,
    r.found,
    r.record,
)


async def stage(
    sql: Sql, run: str, system: str, rows: Sequence[Mapping[str, Any]], known: Mapping[str, Collection[tuple[str, str]]]
) -> int:
    """Write down rows, over what was read of them before; return how many are new. `known`: (group, value) by id."""
    if not rows:
        return 0
    ids = [row["external_id"] for row in rows]
    await sql.execute(delete(run_matches).where(m.run == run, m.system == system, sql.among(m.external_id, ids)))
    again = await sql.execute(delete(run_rows).where(r.run == run, r.system == system, sql.among(r.external_id, ids)))
    blank = {"run": run, "system": system, "verdict": None, "found": None, "was_linked": False, "done": False}
    await sql.add(run_rows, [{**blank, **row} for row in rows])
    matches = [
        {"run": run, "system": system, "external_id": id, "field": field, "value": value}
        for id, values in known.items()
        for field, value in dict.fromkeys(values)
    ]
    if matches:
        await sql.add(run_matches, matches)
    return len(rows) - int(again.rowcount)


async def note_links(sql: Sql, run: str, object: str) -> None:
    """Note which of the rows are linked already, and to which record."""
    standing = select(links.c.record).where(
        links.c.external_id == r.external_id, links.c.system == r.system, links.c.object == object,
        links.c.deleted_at.is_(None),
    )  # fmt: skip
    await sql.execute(update(run_rows).where(r.run == run).values(record=standing.scalar_subquery()))
    await sql.execute(update(run_rows).where(r.run == run, r.record.is_not(None)).values(was_linked=True))


async def leave_out_decided(sql: Sql, run: str, object: str) -> None:
    """Leave out the rows that stand apart by a person's decision."""
    apart = select(held.c.external_id).where(
        held.c.external_id == r.external_id, held.c.system == r.system, held.c.object == object,
        held.c.decision.is_not(None),
    )  # fmt: skip
    await sql.execute(update(run_rows).where(r.run == run, apart.exists()).values(verdict="decided"))
    gone = select(r.external_id).where(
        r.run == run, r.system == m.system, r.external_id == m.external_id, r.verdict == "decided"
    )
    await sql.execute(delete(run_matches).where(m.run == run, gone.exists()))


async def counts(sql: Sql, run: str) -> dict[tuple[str | None, str], int]:
    """Return how many rows have each verdict, by verdict and system."""
    query = select(r.verdict, r.system, func.count()).where(r.run == run).group_by(r.verdict, r.system)
    return {(verdict, system): count for verdict, system, count in await sql.execute(query)}


async def count_done(sql: Sql, run: str) -> dict[tuple[str, str], int]:
    """Return how many rows a run is done with, by verdict and system."""
    query = select(r.verdict, r.system, func.count()).where(r.run == run, r.done.is_(True))
    return {
        (verdict, system): count for verdict, system, count in await sql.execute(query.group_by(r.verdict, r.system))
    }


async def page(
    sql: Sql, run: str, verdict: str, system: str, after: str, limit: int, *, undone: bool = False
) -> list[Staged]:
    """Return the rows of one system with a verdict that follow an id; `undone`: only what the run is not done with."""
    query = select(*COLUMNS).where(r.run == run, r.verdict == verdict, r.system == system, r.external_id > after)
    if undone:
        query = query.where(r.done.is_(False))
    return [Staged(*row) for row in await sql.execute(query.order_by(r.external_id).limit(limit))]


async def partners(sql: Sql, run: str, system: str, ids: Collection[str]) -> dict[str, Staged]:
    """Return rows of one system by their ids."""
    query = select(*COLUMNS).where(r.run == run, r.system == system, sql.among(r.external_id, list(ids)))
    return {row.external_id: Staged(*row) for row in await sql.execute(query)}


async def left_to_a_run(sql: Sql, system: str, object: str, ids: Collection[str], since: int) -> set[str]:
    """Return which of these rows a link that is under way, or was read after `since`, knows better than a report does."""
    if not ids:
        return set()
    query = select(r.external_id).join(runs, runs.c.id == r.run)
    open_runs = (runs.c.ended_at.is_(None), runs.c.object == object, runs.c.kind == "link", runs.c.updated_at > since)
    verdict = or_(r.verdict.is_(None), r.verdict.in_(["pair", "ambiguous"]))
    waiting = (r.system == system, sql.among(r.external_id, list(ids)), verdict, r.done.is_(False))
    return {row.external_id for row in await sql.execute(query.where(*open_runs, *waiting))}


FIND = (
    update(run_rows)
    .where(r.run == bindparam("b_run"), r.system == bindparam("b_system"), r.external_id == bindparam("b_id"))
    .values(verdict=bindparam("b_verdict"), found=bindparam("b_found"))
)


async def note_found(sql: Sql, run: str, found: Sequence[tuple[str, str, str, Any]]) -> None:
    """Note what was found out about rows: (system, external id, verdict, what)."""
    if found:
        await sql.execute(
            FIND,
            [{"b_run": run, "b_system": s, "b_id": id, "b_verdict": v, "b_found": what} for s, id, v, what in found],
        )


async def finish(sql: Sql, run: str, object: str, system: str, ids: Collection[str]) -> None:
    """Note that a run is done with rows of one system, and which records they are linked to now."""
    if not ids:
        return
    standing = select(links.c.record).where(
        links.c.external_id == r.external_id, links.c.system == r.system, links.c.object == object
    )
    await sql.execute(
        update(run_rows)
        .where(r.run == run, r.system == system, sql.among(r.external_id, list(ids)))
        .values(done=True, record=standing.scalar_subquery())
    )


async def forget_matches(sql: Sql, run: str) -> None:
    """Drop what rows are known by, once nobody will ask any more."""
    await sql.execute(delete(run_matches).where(m.run == run))
