"""A destination is paused and resumed by a person, with a reason that outlives every restart."""

from collections.abc import Collection

from sync_system.errors import NotFound
from sync_system.ledger import destinations
from sync_system.ledger.database import Database
from sync_system.ledger.destinations import Pause


async def pause(db: Database, known: Collection[str], system: str, by: str, reason: str, now: int) -> None:
    """Let nothing be delivered to a system; raise NotFound."""
    _check(known, system)
    async with db.write() as sql:
        await destinations.pause(sql, system, Pause(now, by, reason))


async def resume(db: Database, known: Collection[str], system: str, now: int) -> Pause | None:
    """Deliver to a system again, with a probe first if it is down; return the pause that there was."""
    _check(known, system)
    async with db.write() as sql:
        return await destinations.resume(sql, system, now)


def _check(known: Collection[str], system: str) -> None:
    if system not in known:
        raise NotFound(f"there is no system {system!r}: there are {', '.join(known)}")
