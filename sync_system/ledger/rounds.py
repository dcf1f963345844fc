"""Rounds of reconciling: how far each has come, what it has found, and which rows it has seen.

A round is a run of kind `reconcile` over one object of one system. Of those that are done only the last one is kept.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import delete, func, select, update

from sync_system.domain.rounds import Scope
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import links, looks, records, run_rows, runs, transactions

KIND = "reconcile"
READING, DONE = "reading", "done"
ROWS, RECORDS, CLEARING = "rows", "records", "clearing"  # the phases of a round


@dataclass(slots=True)
class Progress:
    """How far a round has come. Times in microseconds.

    `began_at`: when its first page was asked for. `phase`, `place`: what is read next, and from where on. `next_at`: not
    before. `expected`: rows and records that there may be. `found`: how many rows and records, by what they were found
    to be. `repaired`: for how many of them something was asked for. `trouble`: why the last page could not be read, for
    the `tries`th time in a row.
    """

    next_at: int
    began_at: int | None = None
    phase: str = ROWS
    place: str | None = None
    expected: int = 0
    rows: int = 0
    records: int = 0
    found: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    trouble: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """A round over one object of one system. `version`: changes with every page."""

    id: str
    system: str
    object: str
    scope: Scope
    progress: Progress
    created_at: int
    version: int
    ended_at: int | None = None


async def read(sql: Sql) -> list[Round]:
    """Return the rounds that are under way, and of each kind the last one that is done."""
    query = select(runs).where(runs.c.kind == KIND).order_by(runs.c.created_at, runs.c.id)
    return [
        Round(
            row.id, row.systems[0], row.object, Scope(row.options["scope"]), Progress(**row.progress), row.created_at,
            row.updated_at, row.ended_at,
        )
        for row in await sql.execute(query)
    ]  # fmt: skip


async def begin(sql: Sql, begun: Sequence[Round]) -> None:
    """Write down rounds that are to begin."""
    await sql.add(
        runs,
        [
            {
                "id": one.id, "kind": KIND, "object": one.object, "systems": [one.system], "state": READING,
                "options": {"scope": one.scope}, "progress": asdict(one.progress), "created_at": one.created_at,
                "updated_at": one.version,
            }
            for one in begun
        ],
    )  # fmt: skip


async def keep(sql: Sql, one: Round, now: int, *, done: bool) -> bool:
    """Write down how far a round has come; False if another process has brought it further meanwhile.

    The last one of the same kind that is done is forgotten when this one is.
    """
    version = max(now, one.version + 1)
    changed = {"progress": asdict(one.progress), "updated_at": version, "state": DONE if done else READING}
    changed["ended_at"] = now if done else None
    statement = update(runs).where(runs.c.id == one.id, runs.c.updated_at == one.version, runs.c.state == READING)
    if not (await sql.execute(statement.values(changed))).rowcount:
        return False
    if done:
        key = (one.system, one.object, one.scope)
        old = [other.id for other in await read(sql) if other.id != one.id and _key(other) == key]
        await sql.execute(delete(runs).where(runs.c.id.in_(old)))
    return True


def _key(one: Round) -> tuple[str, str, Scope]:
    return one.system, one.object, one.scope


async def stage(sql: Sql, one: Round, external_ids: Collection[str]) -> None:
    """Note which rows a round has seen."""
    rows = [
        {"run": one.id, "system": one.system, "external_id": id, "was_linked": False, "done": False}
        for id in sorted(external_ids)
    ]
    if rows:
        await sql.add(run_rows, rows)


async def staged(sql: Sql, one: Round, external_ids: Collection[str]) -> set[str]:
    """Return which of these rows a round has seen."""
    c = run_rows.c
    query = select(c.external_id).where(
        c.run == one.id, c.system == one.system, sql.among(c.external_id, list(external_ids))
    )
    return set((await sql.execute(query)).scalars()) if external_ids else set()


async def clear(sql: Sql, one: Round, limit: int) -> int:
    """Forget so many of the rows that a round has seen; return how many were forgotten."""
    c = run_rows.c
    some = select(c.external_id).where(c.run == one.id).limit(limit)
    gone = delete(run_rows).where(c.run == one.id, c.system == one.system, c.external_id.in_(some))
    return int((await sql.execute(gone)).rowcount)


async def heard_of(sql: Sql, one: Round, external_ids: Collection[str], since: int) -> set[str]:
    """Return which rows something was learned of since a moment, or is about to be: by a report, a write, a look."""
    ids = list(external_ids)
    if not ids:
        return set()
    known = select(links.c.external_id).where(
        sql.among(links.c.external_id, ids), links.c.system == one.system, links.c.object == one.object,
        links.c.synced_at >= since,
    )  # fmt: skip
    asked = select(looks.c.external_id).where(
        sql.among(looks.c.external_id, ids), looks.c.system == one.system, looks.c.object == one.object
    )
    return {*(await sql.execute(known)).scalars(), *(await sql.execute(asked)).scalars()}


async def being_written(sql: Sql, system: str, keys: Collection[str]) -> set[str]:
    """Return which of these records a transaction to a system is open for."""
    t = transactions.c
    query = select(t.record).where(
        sql.among(t.record, list(keys)), t.destination == system, t.state.in_(["pending", "processing", "failed"])
    )
    return set((await sql.execute(query)).scalars()) if keys else set()


async def begun_at(sql: Sql, object: str) -> int | None:
    """Return when the first record of an object was made, None if there is none."""
    query = select(records.c.created_at).where(records.c.object == object).order_by(records.c.id).limit(1)
    return (await sql.execute(query)).scalar_one_or_none()


async def count_records(sql: Sql, object: str) -> int:
    """Return how many records of an object there are."""
    query = select(func.count()).select_from(records).where(records.c.object == object)
    return int((await sql.execute(query)).scalar_one())
