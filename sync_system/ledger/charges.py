"""Attempts that were charged to records and turn out to be their destination's fault: given back."""

from collections import Counter

from sqlalchemy import select, text, update

from sync_system.domain.transactions import State
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import results, transactions
from sync_system.ledger.transactions import lock_records

# What may have been the destination's fault; a refusal of the record never was.
DOUBTFUL = ("retry", "uncertain")
r, t = results.c, transactions.c


async def give_back(sql: Sql, destination: str, since: int, now: int) -> int:
    """Give back what a destination's transactions were charged since a moment; return how many charges.

    Attempts are counted in the ledger alone, so a transaction that is being tried just now gets its own back as well.
    One that was parked for want of attempts fails again, and waits for its replay.
    """
    rows = await sql.execute(UNCHARGE, {"destination": destination, "since": since})
    counts = Counter(row.transaction for row in rows)
    if counts:
        await lock_records(sql, counts)
        await sql.execute(LOWER, [{"b_id": id, "b_count": count} for id, count in sorted(counts.items())])
        tally = Tally()
        tally.add("uncharged", destination, count=counts.total())
        await _unpark(sql, destination, sorted(counts), tally, now)
        await tally.store(sql, now)
    return counts.total()


UNCHARGE = text(
    """
    UPDATE results SET charged = false
    WHERE charged AND at > :since AND outcome IN ('retry', 'uncertain')
      AND (SELECT t.destination FROM transactions t WHERE t.id = results."transaction") = :destination
    RETURNING "transaction"
    """
)
LOWER = text(
    """
    UPDATE transactions SET attempts = CASE WHEN attempts > :b_count THEN attempts - :b_count ELSE 0 END,
      failing_since = CASE WHEN attempts > :b_count THEN failing_since ELSE NULL END
    WHERE id = :b_id
    """
)


async def _unpark(sql: Sql, destination: str, ids: list[int], tally: Tally, now: int) -> None:
    last = select(r.outcome).where(r.transaction == t.id).order_by(r.token.desc()).limit(1).scalar_subquery()
    statement = (
        update(transactions)
        .where(sql.among(t.id, ids), t.state == "parked", last.in_(DOUBTFUL))
        .values(state="failed", announced_at=None, updated_at=now)
        .returning(t.id)
    )
    count = len((await sql.execute(statement)).all())
    tally.moved(destination, State.PARKED, State.FAILED, count)
