"""Claim, look where that is needed, send, settle: a batch for one destination, from pending to its outcome.

No SQL transaction stays open while a system is called, and what is about to be sent is stored first.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_system.connectors.protocol import Connector, Delivered, Outcome
from sync_system.domain.breaker import Heard
from sync_system.domain.catalog import Catalog
from sync_system.domain.outcomes import OutcomeClass
from sync_system.domain.transactions import Priority
from sync_system.ledger import claims as ledger_claims
from sync_system.ledger import destinations, transactions
from sync_system.ledger.claims import Wish
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import load
from sync_system.ledger.transactions import TOKENS_IN_A_MICROSECOND, Settled
from sync_system.services.bulk import Bulk
from sync_system.services.claiming import Claim, Work, prepare
from sync_system.services.clock import Clock
from sync_system.services.deleting import Deleting
from sync_system.services.health import Health, heard_in
from sync_system.services.limiting import Limiter
from sync_system.services.looking import Looking
from sync_system.services.observing import UNOBSERVED, Observer, Timed
from sync_system.services.probing import Probing
from sync_system.services.settlement import Settlement

# What a worker that did not come back had claimed is tried in small batches, and what does it again is tried alone: a
# record that ends its worker takes few with it, and a crash of another cause does not end in a call for each record.
SUSPECTS = ((2, 1_000), (1, 16))
SUSPECTS_EVERY = 1_000_000


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
    """What one round came to: records claimed, calls made, and how many settled with which outcome.

    `recovered`: a probe got through. `bulk`: it was bulk work, and there may be more.
    """

    claimed: int = 0
    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    recovered: bool = False
    bulk: bool = False

    def add(self, settled: list[Settled]) -> None:
        """Count what was settled."""
        self.outcomes.update(s.outcome for s in settled if s.tried)
        self.failed += sum(s.state == "failed" for s in settled)


class Delivery:
    """Delivers to every destination of the catalog."""

    def __init__(
        self,
        db: Database,
        catalog: Catalog,
        lanes: Mapping[str, Lane],
        health: Health,
        limiter: Limiter,
        clock: Clock,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self.db, self.catalog, self.lanes, self.clock = db, catalog, lanes, clock
        self.health, self.limiter, self.probing = health, limiter, Probing(health, catalog)
        self.bulk = Bulk(db, limiter, clock)
        self.looking = Looking(db, catalog, health, clock)
        self.settlement = Settlement(db, catalog, health, clock)
        self.deleting = Deleting(db, catalog, health, clock, observer)
        self.observer = observer
        self._no_suspects_at: dict[str, int] = {}
        self._bulk_is_next: set[str] = set()

    async def deliver(self, destination: str) -> Progress:
        """Claim one batch and bring it to its end."""
        return await self.carry(destination, await self.claim(destination))

    async def carry(self, destination: str, claims: Sequence[Claim]) -> Progress:
        """Bring what was claimed to its end."""
        progress = Progress(bulk=any(claim.bulk for claim in claims))
        try:
            await self._carry(destination, claims, progress)
        finally:
            if progress.bulk:
                await self.bulk.leave(destination)
        return progress

    async def _carry(self, destination: str, claims: Sequence[Claim], progress: Progress) -> None:
        lane = self.lanes[destination]
        for claim in claims:
            began_at = self.clock()
            progress.claimed += claim.count
            if claim.to_look:
                await self.looking.look(lane.connector, claim)
            for work in in_calls(list(claim.to_send.values()), lane.batch):
                if self.clock() < claim.until:
                    await self._write(lane, claim, work, progress)
            if claim.to_delete and self.clock() < claim.until:
                await self.deleting.delete(lane.connector, claim)
            if claim.probe:
                await self.health.leave_probe(destination, claim.probe)
            progress.add(claim.closed)
            self.observer.settled(claim, claim.closed)
            self.observer.carried(claim, Timed(began_at, self.clock()))

    async def _write(self, lane: Lane, claim: Claim, work: Sequence[Work], progress: Progress) -> None:
        began_at = self.clock()
        delivered = await self._send(lane, claim, work)
        self.observer.sent(claim, work, delivered, Timed(began_at, self.clock()))
        progress.calls += len(delivered.calls)
        heard = heard_in([w.record for w in work], delivered)
        if not heard.answered and not heard.unavailable and not claim.probe:
            heard = await self.probing.ask_whether_down(lane.connector, lane.system, heard)
        settled = await self.settlement.settle(claim, work, delivered, heard)
        progress.add(settled)
        self.observer.settled(claim, settled)
        progress.recovered |= bool(claim.probe) and heard.answered
        if heard.unavailable or not heard.answered:
            await self.health.give_back()

    async def claim(self, destination: str) -> list[Claim]:
        """Own up to a batch of pending transactions, and store what each is about to send.

        While the destination is down, one transaction at most: a probe.
        """
        lane, replays = self.lanes[destination], await self.limiter.replays(destination)
        if suspects := await self._claim_suspects(lane, Priority.BULK if replays else Priority.LIVE):
            return suspects
        if replays and destination in self._bulk_is_next and (claims := await self._claim_bulk(lane)):
            return claims
        if claims := await self._claim(lane, limit=lane.batch, lowest=Priority.REPLAY if replays else Priority.LIVE):
            self._bulk_is_next.add(destination)
            return claims
        return (await self._claim_bulk(lane) if replays else []) or await self._probe(lane)

    async def _claim_bulk(self, lane: Lane) -> list[Claim]:
        """Claim a batch of bulk work: between two batches of what people do, so that neither waits for ever."""
        self._bulk_is_next.discard(lane.system)
        if not await self.bulk.take(lane.system, lane.lease):
            return []
        claims = await self._claim(lane, limit=lane.batch, lowest=Priority.BULK, bulk=True)
        if not claims:
            await self.bulk.leave(lane.system)
        return claims

    async def _claim_suspects(self, lane: Lane, lowest: Priority) -> list[Claim]:
        now = self.clock()
        if now - self._no_suspects_at.get(lane.system, 0) < SUSPECTS_EVERY:
            return []
        for times, part in SUSPECTS:
            limit = max(lane.batch // part, 1)
            if claims := await self._claim(lane, limit=limit, lowest=lowest, suspects=times):
                return claims
        self._no_suspects_at[lane.system] = now
        return []

    async def _probe(self, lane: Lane) -> list[Claim]:
        """Test a destination that is down: by a read, and once that is answered by writing one record."""
        taken = await self.health.take_probe(lane.system, lane.lease)
        if taken is None or not await self.probing.answers(lane.connector, lane.system):
            return []
        breaker, until = taken
        for but in dict.fromkeys([*breaker.probed[:1], ""]):
            if claims := await self._claim(lane, limit=1, probe=until, but=but):
                return claims
        await self.health.probed(lane.system, Heard(answered=True))
        return []

    async def _claim(self, lane: Lane, *, limit: int, probe: int = 0, bulk: bool = False, **wish: Any) -> list[Claim]:
        now = self.clock()
        token = now * TOKENS_IN_A_MICROSECOND + secrets.randbelow(TOKENS_IN_A_MICROSECOND)
        until = now + lane.lease
        async with self.db.write() as sql:
            tally = Tally()
            wanted = Wish(lane.system, limit, token, until, probe=bool(probe), **wish)
            ids = await ledger_claims.claim(sql, wanted, tally)
            if not ids:
                return []
            claims = await self._open(sql, lane.system, ids, token, until, probe=probe)
            for claim in claims:
                claim.bulk = bulk
                await transactions.intend(sql, claim.token, claim.intended())
                await transactions.apply(sql, claim.plan, tally, now)
                await transactions.settle(sql, claim.closed, tally, now)
            if probe:
                await destinations.note_probed(sql, lane.system, ids)
            await tally.store(sql, now)
        return claims

    async def _open(
        self, sql: Sql, system: str, ids: Mapping[str, int], token: int, until: int, *, probe: int
    ) -> list[Claim]:
        """Load what was claimed and decide what is done for each; the records are not locked, only read."""
        claims: dict[str, Claim] = {}
        for object, rules in self.catalog.rules.items():
            if system not in rules:
                continue
            for record, dossier in (await load(sql, ids, rules, systems=[system], lock=False, intents=False)).items():
                if dossier.record.object == object:
                    claim = claims.setdefault(object, Claim(system, object, token, until, probe=probe))
                    claim.count += 1
                    prepare(self.catalog, claim, dossier, Work(dossier.processing[system], record), self.clock())
        return list(claims.values())

    async def _send(self, lane: Lane, claim: Claim, work: Sequence[Work]) -> Delivered:
        writes = [w.write for w in work if w.write is not None]
        seconds = (claim.until - self.clock()) / 1_000_000 + lane.timeout
        try:
            async with asyncio.timeout(seconds):
                return await lane.connector.upsert(claim.object, writes)
        except TimeoutError:
            late = Outcome(
                OutcomeClass.UNCERTAIN, message="no reply before the claim's lease and the call's time were over"
            )
            return Delivered([late] * len(writes))


def in_calls(work: Sequence[Work], batch: int) -> list[Sequence[Work]]:
    """Divide what is sent: what came back at once goes in ever smaller parts, until what stood in its way is alone."""
    by_size: dict[int, list[Work]] = {}
    for w in work:
        by_size.setdefault(max(batch >> w.transaction.standing.at_once, 1), []).append(w)
    calls = [some[i : i + size] for size, some in by_size.items() for i in range(0, len(some), size)]
    for some in calls:
        some[0].alone = len(some) == 1
    return list(calls)
