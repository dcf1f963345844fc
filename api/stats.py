"""Live counts, from the counters that every fact changes in its own SQL transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.parts import CorePart
from api.problems import Refusal, responses
from sync_system.domain.rounds import Scope, share
from sync_system.ledger import reports, rounds
from sync_system.ledger.counters import MINUTE
from sync_system.ledger.reports import Count
from sync_system.ledger.rounds import Round
from sync_system.messaging.envelope import EPOCH, micros

router = APIRouter(tags=["stats"])

MOST_BUCKETS = 20_000
Table = dict[str, dict[str, int]]


class Bucket(StrEnum):
    """How long a step in time is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


MINUTES: Mapping[Bucket, int] = {Bucket.MINUTE: 1, Bucket.HOUR: 60, Bucket.DAY: 1_440}


class Counts(BaseModel):
    """What happened in some time."""

    received: Table = Field(description="Events by system and outcome.")
    repeated: dict[str, int] = Field(description="Events by system that had been taken in before.")
    created: dict[str, int] = Field(description="New records by the system that told of them first.")
    conflicts: dict[str, int] = Field(description="Edits by system that met one which its author had not seen.")
    delivered: Table = Field(description="Attempts by destination and outcome.")
    replayed: dict[str, int] = Field(description="Failed transactions that went back to pending, by destination.")
    reconciled: Table = Field(description="Rows and records held against each other, by system and what was found.")
    parked: dict[str, int] = Field(description="More transactions parked than left it, by destination.")


class Step(Counts):
    """What happened from a time on, until the next step."""

    at: datetime


class DrawnRound(BaseModel):
    """A round of reconciling, over one object of one system."""

    system: str
    object: str
    scope: Scope = Field(description="What changed since the last one, or everything.")
    began_at: datetime | None
    ended_at: datetime | None = Field(description="Null while it is under way.")
    rows: int
    found: dict[str, int] = Field(description="Rows and records by what they were found to be.")
    repaired: dict[str, int] = Field(description="Those that something was asked for, by cause.")
    share: float | None = Field(description="The part of what could be compared that was consistent.")
    trouble: str | None = Field(description="Why the next page cannot be read.")


class Stats(BaseModel):
    """The counts as a whole, step by step, and where transactions stand now."""

    since: datetime
    bucket: Bucket
    states: Table = Field(description="Transactions by destination and state, now.")
    total: Counts
    rounds: list[DrawnRound] = Field(
        description="Rounds of reconciling: those under way, and the last ones that ended."
    )
    steps: list[Step] = Field(description="Steps in which something happened, the earliest first. Days are in UTC.")


@router.get("/v1/stats", summary="Count what was received and delivered", responses=responses(422, 503))
async def get_stats(
    core: CorePart,
    since: Annotated[AwareDatetime | None, Query(description="With its offset; 24 hours ago if not given.")] = None,
    bucket: Bucket = Bucket.HOUR,
) -> Stats:
    """Return live counts; `since` is rounded down to the step that it falls into."""
    size = MINUTES[bucket]
    start = micros(since) if since else core.clock() - 1_440 * MINUTE
    first = start // MINUTE - start // MINUTE % size
    if (core.clock() // MINUTE - first) // size > MOST_BUCKETS:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"more than {MOST_BUCKETS} steps: ask for longer ones")
    async with core.db.read() as sql:
        found = await reports.counted(sql, first, size)
        states = await reports.states(sql)
        drawn = await rounds.read(sql)
    steps: dict[int, list[Count]] = defaultdict(list)
    for count in found:
        steps[count.minute].append(count)
    return Stats(
        since=_time(first),
        bucket=bucket,
        states=_table(states),
        total=Counts(**_counts(found)),
        rounds=[_round(one) for one in drawn],
        steps=[Step(at=_time(minute), **_counts(counts)) for minute, counts in steps.items()],
    )


def _round(one: Round) -> DrawnRound:
    progress = one.progress
    return DrawnRound(
        system=one.system,
        object=one.object,
        scope=one.scope,
        began_at=_moment(progress.began_at),
        ended_at=_moment(one.ended_at),
        rows=progress.rows,
        found=progress.found,
        repaired=progress.repaired,
        share=share(progress.found),
        trouble=progress.trouble,
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else (EPOCH + timedelta(microseconds=at)).astimezone(UTC)


def _time(minute: int) -> datetime:
    return (EPOCH + timedelta(minutes=minute)).astimezone(UTC)


def _counts(found: Iterable[Count]) -> dict[str, Table | dict[str, int]]:
    counts = list(found)
    parked = [c for c in counts if c.name == "state" and c.value == "parked"]
    return {
        "received": _named(counts, "received"),
        "repeated": _sums(c for c in counts if c.name == "repeated"),
        "created": _sums(c for c in counts if c.name == "created"),
        "conflicts": _sums(c for c in counts if c.name == "conflicts"),
        "delivered": _named(counts, "delivered"),
        "replayed": _sums(c for c in counts if c.name == "replayed"),
        "reconciled": _named(counts, "reconciled"),
        "parked": _sums(parked),
    }


def _named(counts: Iterable[Count], name: str) -> Table:
    return _table((c.system, c.value, c.count) for c in counts if c.name == name)


def _table(rows: Iterable[tuple[str, str, int]]) -> Table:
    table: Table = {}
    for system, value, count in rows:
        row = table.setdefault(system, {})
        row[value] = row.get(value, 0) + count
    return table


def _sums(counts: Iterable[Count]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for c in counts:
        sums[c.system] = sums.get(c.system, 0) + c.count
    return sums
