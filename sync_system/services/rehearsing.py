"""Another schedule tried on what was recorded: what would it have recovered, how fast, for how many calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sync_system.domain.hindsight import Failing, Hindsight, really, simulate
from sync_system.domain.outcomes import OutcomeClass
from sync_system.domain.schedule import Schedule
from sync_system.domain.transactions import ReplayPolicy, State
from sync_system.ledger import stories
from sync_system.ledger.database import Database
from sync_system.services.clock import Clock


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How many transactions failed since a moment, what became of them, and what would have."""

    failed: int
    really: Hindsight
    simulated: Hindsight


async def rehearse(
    db: Database, clock: Clock, system: str, schedule: Schedule, policy: ReplayPolicy, since: int
) -> Rehearsal:
    """Try a schedule and a cap on every transaction to a system that failed since a moment."""
    async with db.read() as sql:
        rows = await stories.failing_since(sql, system, since)
    failures = failures_of(rows)
    return Rehearsal(len(failures), really(failures), simulate(failures, schedule, policy, clock()))


def failures_of(rows: Iterable[Any]) -> list[Failing]:
    """Return one failure for each transaction, of its results in order.

    One that was closed without a write tells nothing of when the system would have taken it, and is left out.
    """
    found = []
    for _, several in groupby(rows, key=lambda row: row.transaction):
        results = list(several)
        bad = [n for n, row in enumerate(results) if row.outcome != OutcomeClass.OK]
        good = next((n for n, row in enumerate(results) if row.outcome == OutcomeClass.OK and bad and n > bad[0]), None)
        if not bad or (good is None and results[-1].state == State.SUPERSEDED):
            continue
        first, tried = results[bad[0]], results[bad[0] : None if good is None else good + 1]
        found.append(
            Failing(
                first.at,
                None if good is None else results[good].at,
                charged=any(row.charged for row in tried),
                refused=first.outcome == OutcomeClass.REJECTED,
                calls=len(tried),
                waiting=results[-1].state in {State.PENDING, State.PROCESSING, State.FAILED},
            )
        )
    return found
