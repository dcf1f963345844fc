"""Transactions that a person wants to wait: parked with the reason, until somebody retries them or edits the lead."""

from collections.abc import Sequence

from sync_system.domain.advice import BY_HAND
from sync_system.domain.catalog import Catalog
from sync_system.domain.fingerprint import fingerprint
from sync_system.domain.planning import wanted
from sync_system.domain.transactions import State
from sync_system.ledger import causes, repairs
from sync_system.ledger.causes import Failed
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Database, Sql
from sync_system.ledger.dossiers import load
from sync_system.ledger.repairs import Selected, Selection
from sync_system.services.clock import Clock

CHUNK = 500
PARKABLE = (State.PENDING, State.FAILED)
PARKED = "parked"


class Parking:
    """Parks what a person names."""

    def __init__(self, db: Database, catalog: Catalog, clock: Clock) -> None:
        self.db, self.catalog, self.clock = db, catalog, clock

    async def park(self, ids: Sequence[int], reason: str) -> int:
        """Park pending and failed transactions; return how many. What is under way or at its end is left alone."""
        count = 0
        for start in range(0, len(ids), CHUNK):
            async with self.db.read() as sql:
                chunk = await repairs.page(sql, Selection(ids[start : start + CHUNK]), 0, CHUNK, PARKABLE)
            if chunk:
                count += await self._park(chunk, reason)
        return count

    async def _park(self, chunk: Sequence[Selected], reason: str) -> int:
        now, tally = self.clock(), Tally()
        async with self.db.write() as sql:
            locked = await repairs.lock(sql, chunk, PARKABLE)
            digests = await self._digests(sql, locked)
            marks = {one.id: fingerprint(PARKED, BY_HAND, one.object, reason) for one in locked}
            rows = [
                {
                    "b_id": one.id, "b_error": reason, "b_fingerprint": marks[one.id], "b_digest": digests.get(one.id),
                    "b_now": now,
                }
                for one in locked
            ]  # fmt: skip
            await repairs.park(sql, rows)
            for one in locked:
                tally.moved(one.destination, one.state, State.PARKED)
            failed = [Failed(o.destination, marks[o.id], PARKED, BY_HAND, reason, None, o.id) for o in locked]
            await causes.note(sql, failed, now)
            await tally.store(sql, now)
        return len(locked)

    async def _digests(self, sql: Sql, locked: Sequence[Selected]) -> dict[int, str]:
        """Return what each would send now: only an edit that changes it wakes a parked transaction."""
        digests: dict[int, str] = {}
        for object, rules in self.catalog.rules.items():
            mine = [one for one in locked if one.object == object and one.destination in rules]
            dossiers = await load(sql, {one.record for one in mine}, rules, lock=False)
            for one in mine:
                dossier = dossiers[one.record]
                want = wanted(dossier.record, dossier.links.get(one.destination), rules[one.destination])
                digests[one.id] = want.digest
        return digests
