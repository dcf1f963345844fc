"""Counts by minute, changed in the same SQL transaction as the fact, so that live numbers never scan.

What is older than a day is folded into hours, and added to a total that stands in one row for each count.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select

from sync_system.domain.transactions import State
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import counters

MINUTE = 60_000_000
HOUR = 60  # minutes
KEPT = 26 * HOUR  # for how long minutes are kept, in minutes
TOTAL, MINUTES, HOURS = 0, 1, HOUR  # spans
c = counters.c


class Tally:
    """What a batch counts, to be added in one statement at its end."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, name: str, system: str, value: str = "", count: int = 1) -> None:
        """Count something that happened with a system."""
        self.counts[name, system, value] += count

    def moved(self, destination: str, old: State | None, new: State, count: int = 1) -> None:
        """Count a transaction's change of state: the sum over all minutes is how many stand there now."""
        if old is not None:
            self.counts["state", destination, str(old)] -= count
        self.counts["state", destination, str(new)] += count

    async def store(self, sql: Sql, now: int) -> None:
        """Add the counts to this minute's, in one order so that two batches never wait for each other in a ring."""
        rows = [
            {"span": MINUTES, "minute": now // MINUTE, "name": name, "system": system, "value": value, "count": count}
            for (name, system, value), count in sorted(self.counts.items())
            if count
        ]
        await _add(sql, rows)


async def _add(sql: Sql, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        statement = sql.insert(counters)
        statement = statement.on_conflict_do_update(
            index_elements=["span", "minute", "name", "system", "value"],
            set_={"count": c.count + statement.excluded.count},
        )
        await sql.execute(statement, rows)


async def fold(sql: Sql, now: int) -> int:
    """Move minutes that are over a day old into their hours and into the totals; return how many rows were moved.

    They are moved, not copied: a batch that commits late is simply taken by the next fold.
    """
    old = delete(counters).where(c.span == MINUTES, c.minute < now // MINUTE // HOUR * HOUR - KEPT)
    gone = (await sql.execute(old.returning(c.minute, c.name, c.system, c.value, c.count))).all()
    folded: Counter[tuple[int, int, str, str, str]] = Counter()
    for minute, name, system, value, count in gone:
        folded[HOURS, minute - minute % HOUR, name, system, value] += count
        folded[TOTAL, 0, name, system, value] += count
    names = ("span", "minute", "name", "system", "value")
    await _add(sql, [dict(zip(names, key, strict=True)) | {"count": n} for key, n in sorted(folded.items())])
    return len(gone)


async def totals(sql: Sql) -> dict[tuple[str, str, str], int]:
    """Return how often everything has happened since the beginning, by (name, system, value)."""
    query = (
        select(c.name, c.system, c.value, func.sum(c.count))
        .where(c.span.in_((TOTAL, MINUTES)))
        .group_by(c.name, c.system, c.value)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in await sql.execute(query)}
