"""Alerts: written down before anybody is told, one row from its beginning to its end."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, func, or_, select, text, update

from sync_system.ledger.database import Sql
from sync_system.ledger.tables import alerts, transactions

c = alerts.c
t = transactions.c


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to know of an alert. `since` in microseconds; `sample`: the system's words without any value."""

    since: int
    advice: str
    command: str
    count: int | None = None
    sample: str = ""
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `told`: for each channel what it was told last, "raised" or "over", and why it was not, if so."""

    id: int
    key: str
    kind: str
    destination: str | None
    text: str
    facts: Facts
    raised_at: int
    over_at: int | None = None
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _alert(row: Any) -> Alert:
    return Alert(
        row.id, row.key, row.kind, row.destination, row.text, Facts(**row.facts), row.raised_at, row.over_at, row.told or {}
    )  # fmt: skip


async def opened(sql: Sql) -> list[Alert]:
    """Return the alerts that are not over, the earliest first."""
    rows = await sql.execute(select(alerts).where(text("alerts.over_at IS NULL")).order_by(c.id))
    return [_alert(row) for row in rows]


async def open_by_kind(sql: Sql) -> dict[str, int]:
    """Return how many alerts are not over, by kind."""
    query = select(c.kind, func.count()).where(text("alerts.over_at IS NULL")).group_by(c.kind)
    return {row[0]: row[1] for row in await sql.execute(query)}


async def begin(sql: Sql, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down new alerts; one whose key is open already stays as it is."""
    if rows:
        statement = sql.insert(alerts).on_conflict_do_nothing(
            index_elements=["key"], index_where=text("over_at IS NULL")
        )
        await sql.execute(statement, list(rows))


async def end(sql: Sql, ids: Collection[int], now: int, *, told: bool) -> None:
    """Write down that alerts are over; `told`: nobody is to be told."""
    if ids:
        values = {"over_at": now} | ({"over_told_at": now} if told else {})
        await sql.execute(update(alerts).where(sql.among(c.id, sorted(ids)), c.over_at.is_(None)).values(values))


async def untold(sql: Sql) -> list[Alert]:
    """Return the alerts of whose beginning or end somebody is still to be told."""
    missing = or_(c.told_at.is_(None), and_(c.over_at.is_not(None), c.over_told_at.is_(None)))
    return [_alert(row) for row in await sql.execute(select(alerts).where(missing).order_by(c.id))]


async def note_told(
    sql: Sql, id: int, channel: str, note: Mapping[str, Any], channels: Collection[str], now: int
) -> None:
    """Note what a channel was told, or why not; once all `channels` have been, the alert itself is told."""
    row = (await sql.execute(select(c.told, c.told_at, c.over_told_at).where(c.id == id).with_for_update())).one()
    told = dict(row.told or {}) | {channel: dict(note)}
    values: dict[str, Any] = {"told": told}
    stages = [told.get(name, {}).get("stage") for name in channels]
    if row.told_at is None and all(stages):
        values["told_at"] = now
    if row.over_told_at is None and all(stage == "over" for stage in stages):
        values["over_told_at"] = now
    await sql.execute(update(alerts).where(c.id == id).values(values))


async def still_tried(sql: Sql, destination: str, fingerprint: str) -> bool:
    """Whether something that failed for a cause is on its way again, so that nobody knows yet whether it is over."""
    for state in ("transactions.state = 'pending'", "transactions.state = 'processing'"):
        query = select(t.id).where(t.destination == destination, t.fingerprint == fingerprint, text(state)).limit(1)
        if (await sql.execute(query)).first() is not None:
            return True
    return False
