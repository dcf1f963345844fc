"""Counts by minute, changed in the same SQL transaction as the fact, so that live numbers never scan."""

from collections import Counter

from sync_system.domain.transactions import State
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import counters

MINUTE = 60_000_000


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
            {"minute": now // MINUTE, "name": name, "system": system, "value": value, "count": count}
            for (name, system, value), count in sorted(self.counts.items())
            if count
        ]
        if rows:
            statement = sql.insert(counters)
            statement = statement.on_conflict_do_update(
                index_elements=["minute", "name", "system", "value"],
                set_={"count": counters.c.count + statement.excluded.count},
            )
            await sql.execute(statement, rows)
