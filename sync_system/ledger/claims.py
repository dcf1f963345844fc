"""Claims: pending transactions that one worker moves to processing, each only if its record is not being delivered yet."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from sync_system.domain.transactions import Priority, State
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Sql


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker would claim: up to `limit` transactions to a destination.

    `lowest`: the last priority that is served. `suspects`: only those whose workers did not come back, at least so many
    times. `probe`: the destination is down, and this is to test it, with another record than `but`.
    """

    destination: str
    limit: int
    token: int
    until: int
    lowest: Priority = Priority.BULK
    suspects: int = 0
    probe: bool = False
    but: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return what the statements below ask for."""
        return {
            "destination": self.destination, "limit": self.limit, "token": self.token, "until": self.until,
            "lowest": self.lowest,
            **({"but": self.but} if self.probe else {"expiries": self.suspects} if self.suspects else {}),
        }  # fmt: skip


async def claim(sql: Sql, wish: Wish, tally: Tally) -> dict[str, int]:
    """Move pending transactions to processing; return record id to transaction id.

    Locks transactions only. Records that an intake is working on just now are passed over, not waited for: waiting for
    them while it waits for a transaction was a deadlock.
    """
    if not sql.sqlite:
        await sql.execute(CLAIM_LOCK, {"lock": f"claim:{wish.destination}"})
    statements = SQLITE if sql.sqlite else POSTGRESQL
    found = (await sql.execute(statements[_kind(wish)], wish.parameters())).all()
    tally.moved(wish.destination, State.PENDING, State.PROCESSING, len(found))
    return {row.record: row.id for row in found}


def _kind(wish: Wish) -> str:
    return "probe" if wish.probe else "suspects" if wish.suspects else "live"


# Not needed for correctness; claimers that queue up here were 13 times faster under contention than ones that collide.
CLAIM_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))")
# Nothing is delivered to a destination that is down or paused; its row is everybody's, and is not locked here.
UP = """NOT EXISTS (
        SELECT 1 FROM destinations d
        WHERE d.name = :destination AND (d.opened_at IS NOT NULL OR d.paused_at IS NOT NULL))"""
CONDITIONS = {
    "live": f"t.expiries = 0 AND {UP}",
    "suspects": f"t.expiries >= :expiries AND {UP}",
    "probe": "t.record <> :but",
}
# The sub-select with its LIMIT is looked up row by row; as NOT EXISTS it became a scan of all that is processed.
CLAIM_POSTGRESQL = """
    WITH pick AS (
      SELECT t.id FROM transactions t JOIN records r ON r.id = t.record
      WHERE t.destination = :destination AND t.state = 'pending' AND t.priority <= :lowest AND {} AND (
        SELECT 1 FROM transactions p
        WHERE p.record = t.record AND p.destination = t.destination AND p.state = 'processing' LIMIT 1) IS NULL
      ORDER BY t.priority, t.id LIMIT :limit
      FOR UPDATE OF t SKIP LOCKED FOR SHARE OF r SKIP LOCKED)
    UPDATE transactions t SET state = 'processing', token = :token, claimed_until = :until
    FROM pick WHERE t.id = pick.id AND t.state = 'pending' RETURNING t.id, t.record
    """
CLAIM_SQLITE = """
    UPDATE transactions SET state = 'processing', token = :token, claimed_until = :until
    WHERE id IN (
      SELECT t.id FROM transactions t
      WHERE t.destination = :destination AND t.state = 'pending' AND t.priority <= :lowest AND {} AND NOT EXISTS (
        SELECT 1 FROM transactions p
        WHERE p.record = t.record AND p.destination = t.destination AND p.state = 'processing')
      ORDER BY t.priority, t.id LIMIT :limit)
    RETURNING id, record
    """
POSTGRESQL = {kind: text(CLAIM_POSTGRESQL.format(condition)) for kind, condition in CONDITIONS.items()}
SQLITE = {kind: text(CLAIM_SQLITE.format(condition)) for kind, condition in CONDITIONS.items()}
