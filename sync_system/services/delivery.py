"""Claim, look where that is needed, send, settle: a batch for one destination, from pending to its outcome.

No SQL transaction stays open while a system is called, and what is about to be sent is stored first.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_system.connectors.protocol import Connector, Delivered, Outcome
from sync_system.domain.catalog import Catalog
from sync_system.domain.outcomes import OutcomeClass
from sync_system.ledger import transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import load
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work, prepare
from sync_system.services.clock import Clock
from sync_system.services.deleting import Deleting
from sync_system.services.looking import Looking
from sync_system.services.settlement import Settlement


@dataclass(frozen=True, slots=True)
class Lane:
    """How a destination is delivered to. `lease`: microseconds that a claim holds; `timeout`: seconds for one call."""

    system: str
    connector: Connector
    batch: int
    lease: int
    timeout: float


@dataclass(slots=True)
class Progress:
    """What one round came to: records claimed, calls made, and how many settled with which outcome."""

    claimed: int = 0
    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def add(self, settled: list[Settled]) -> None:
        """Count what was settled."""
        self.outcomes.update(s.outcome for s in settled if s.tried)
        self.failed += sum(s.state == "failed" for s in settled)


class Delivery:
    """Delivers to every destination of the catalog."""

    def __init__(self, db: Database, catalog: Catalog, lanes: Mapping[str, Lane], clock: Clock) -> None:
        self.db, self.catalog, self.lanes, self.clock = db, catalog, lanes, clock
        self.looking = Looking(db, catalog, clock)
        self.settlement = Settlement(db, catalog, clock)
        self.deleting = Deleting(db, catalog, clock)

    async def deliver(self, destination: str) -> Progress:
        """Claim one batch and bring it to its end."""
        return await self.carry(destination, await self.claim(destination))

    async def carry(self, destination: str, claims: Sequence[Claim]) -> Progress:
        """Bring what was claimed to its end."""
        lane, progress = self.lanes[destination], Progress()
        for claim in claims:
            progress.claimed += claim.count
            progress.add(claim.closed)
            if claim.to_look:
                closed = len(claim.closed)
                await self.looking.look(lane.connector, claim)
                progress.add(claim.closed[closed:])
            if claim.to_send and self.clock() < claim.until:
                delivered = await self._send(lane, claim)
                progress.calls += len(delivered.calls)
                progress.add(await self.settlement.settle(claim, list(claim.to_send.values()), delivered))
            if claim.to_delete and self.clock() < claim.until:
                closed = len(claim.closed)
                await self.deleting.delete(lane.connector, claim)
                progress.add(claim.closed[closed:])
        return progress

    async def claim(self, destination: str) -> list[Claim]:
        """Own up to a batch of pending transactions, and store what each is about to send."""
        lane, now = self.lanes[destination], self.clock()
        token, until = now * 1_024 + secrets.randbelow(1_024), now + lane.lease
        async with self.db.write() as sql:
            tally = Tally()
            ids = await transactions.claim(sql, lane.system, lane.batch, token, until, tally)
            if not ids:
                return []
            claims = await self._open(sql, lane.system, ids, token, until)
            for claim in claims:
                await transactions.intend(sql, claim.token, claim.intended())
                await transactions.apply(sql, claim.plan, tally, now)
                await transactions.settle(sql, claim.closed, tally, now)
            await tally.store(sql, now)
        return claims

    async def _open(self, sql: Sql, system: str, ids: Mapping[str, int], token: int, until: int) -> list[Claim]:
        """Load what was claimed and decide what is done for each; the records are not locked, only read."""
        claims: dict[str, Claim] = {}
        for object, rules in self.catalog.rules.items():
            if system not in rules:
                continue
            for record, dossier in (await load(sql, ids, rules, systems=[system], lock=False, intents=False)).items():
                if dossier.record.object == object:
                    claim = claims.setdefault(object, Claim(system, object, token, until))
                    claim.count += 1
                    prepare(self.catalog, claim, dossier, Work(dossier.processing[system], record), self.clock())
        return list(claims.values())

    async def _send(self, lane: Lane, claim: Claim) -> Delivered:
        writes = [work.write for work in claim.to_send.values() if work.write is not None]
        seconds = (claim.until - self.clock()) / 1_000_000 + lane.timeout
        try:
            async with asyncio.timeout(seconds):
                return await lane.connector.upsert(claim.object, writes)
        except TimeoutError:
            late = Outcome(
                OutcomeClass.UNCERTAIN, message="no reply before the claim's lease and the call's time were over"
            )
            return Delivered([late] * len(writes))
