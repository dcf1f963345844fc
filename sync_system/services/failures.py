"""What is failed or parked now, grouped by its cause, with what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_system.domain.advice import advise
from sync_system.ledger import causes
from sync_system.ledger.causes import OpenCause
from sync_system.ledger.database import Database

Advice = Mapping[str, Mapping[str, str]]  # system, then code, to a sentence


@dataclass(frozen=True, slots=True)
class Failure:
    """A cause of failure, and what to do next."""

    cause: OpenCause
    advice: str


async def failures(db: Database, advice: Advice, system: str | None = None, *, closed: bool = False) -> list[Failure]:
    """Return the causes of what waits, the commonest first; `closed`: those that nothing waits for as well."""
    async with db.read() as sql:
        found = await causes.listed(sql, system, closed=closed)
    return [Failure(one, advise(one.outcome, one.code, advice.get(one.destination, {}))) for one in found]
