"""How each destination is: its breaker and its pause, shared by all processes. The last rows that a batch locks."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select, update

from sync_system.domain.breaker import Breaker
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import destinations

d = destinations.c


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing is delivered to a destination for now; `at` in microseconds, `by` whom."""

    at: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A destination's breaker, and its pause if it has one."""

    breaker: Breaker = field(default_factory=Breaker)
    pause: Pause | None = None


async def read(sql: Sql) -> dict[str, Condition]:
    """Return the condition of every destination that something is known of."""
    rows = await sql.execute(select(destinations))
    return {row.name: Condition(_breaker(row), _pause(row)) for row in rows}


async def lock(sql: Sql, name: str) -> Condition:
    """Lock a destination's row, which is made if there is none, and return its condition."""
    found = (await sql.execute(select(destinations).where(d.name == name).with_for_update())).one_or_none()
    if found is None:
        await sql.execute(sql.insert(destinations).values(name=name, probes=0, refusals=0).on_conflict_do_nothing())
        found = (await sql.execute(select(destinations).where(d.name == name).with_for_update())).one()
    return Condition(_breaker(found), _pause(found))


def _breaker(row: Any) -> Breaker:
    return Breaker(
        row.opened_at, row.opened_for or "", row.failing_since, row.probe_at or 0, row.probes,
        tuple(row.probed or ()), tuple(row.misses or ()), row.refusals, row.succeeded_at,
    )  # fmt: skip


def _pause(row: Any) -> Pause | None:
    return None if row.paused_at is None else Pause(row.paused_at, row.paused_by or "", row.paused_for or "")


async def _set(sql: Sql, name: str, **values: Any) -> None:
    await sql.execute(update(destinations).where(d.name == name).values(values))


async def keep(sql: Sql, name: str, breaker: Breaker) -> None:
    """Write a breaker down; its row is locked by the caller."""
    values = asdict(breaker) | {"misses": list(breaker.misses), "probed": list(breaker.probed)}
    await _set(sql, name, **values)


async def succeeded(sql: Sql, name: str, now: int) -> bool:
    """Note a success of a destination that is up; False if it is not, or nothing is known of it."""
    values = {"succeeded_at": now, "misses": None, "refusals": 0}
    statement = update(destinations).where(d.name == name, d.opened_at.is_(None)).values(values)
    return (await sql.execute(statement)).rowcount > 0


async def owe(sql: Sql, name: str, since: int) -> None:
    """Note that charges since a moment are to be given back."""
    await _set(sql, name, owed_since=since)


async def owing(sql: Sql) -> list[tuple[str, int]]:
    """Return the destinations that owe charges to their records, and since when."""
    rows = await sql.execute(select(d.name, d.owed_since).where(d.owed_since.is_not(None)))
    return [(row.name, row.owed_since) for row in rows]


async def settle_debt(sql: Sql, name: str, since: int) -> None:
    """Note that the charges since that moment have been given back."""
    await sql.execute(update(destinations).where(d.name == name, d.owed_since == since).values(owed_since=None))


async def recover(sql: Sql, name: str, since: int) -> None:
    """Note that an outage is over, and that what failed since a moment is to be replayed."""
    await _set(sql, name, recovered_from=since)


async def recovery_due(sql: Sql, name: str) -> bool:
    """Whether an outage is over whose failures have not been replayed."""
    query = select(d.name).where(d.name == name, d.recovered_from.is_not(None))
    return (await sql.execute(query)).first() is not None


async def take_recovery(sql: Sql, name: str) -> int | None:
    """Return since when things failed because of an outage that is over; once, None if there is nothing to replay."""
    query = select(d.recovered_from).where(d.name == name, d.recovered_from.is_not(None)).with_for_update()
    since = (await sql.execute(query)).scalar_one_or_none()
    if since is not None:
        await _set(sql, name, recovered_from=None)
    return since


async def take_probe(sql: Sql, name: str, now: int, until: int) -> Breaker | None:
    """Take the probe that is due, for one process alone until a moment; None if none is due."""
    condition = await lock(sql, name)
    breaker = condition.breaker
    if not breaker.is_open or condition.pause is not None or breaker.probe_at > now:
        return None
    await _set(sql, name, probe_at=until)
    return breaker


async def leave_probe(sql: Sql, name: str, until: int, now: int) -> None:
    """Let the next probe be taken at once, if the one that was taken until a moment has told nothing."""
    statement = update(destinations).where(d.name == name, d.probe_at == until, d.opened_at.is_not(None))
    await sql.execute(statement.values(probe_at=now))


async def note_probed(sql: Sql, name: str, records: Iterable[str]) -> None:
    """Note which records a probe writes."""
    await _set(sql, name, probed=list(records))


async def pause(sql: Sql, name: str, why: Pause) -> None:
    """Let nothing be delivered to a destination."""
    await lock(sql, name)
    values = {"paused_at": why.at, "paused_by": why.by, "paused_for": why.reason}
    await _set(sql, name, **values)


async def resume(sql: Sql, name: str, now: int) -> Pause | None:
    """Lift a pause and let an open breaker be probed at once; return the pause that there was."""
    was = (await lock(sql, name)).pause
    values = {"paused_at": None, "paused_by": None, "paused_for": None, "refusals": 0, "probe_at": now}
    await _set(sql, name, **values)
    return was


async def ready(sql: Sql, names: Sequence[str]) -> set[str]:
    """Return which of these destinations are neither down nor paused."""
    rows = await sql.execute(select(d.name).where(d.opened_at.is_not(None) | d.paused_at.is_not(None)))
    return set(names) - {row.name for row in rows}
