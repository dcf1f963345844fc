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
from sync_system.ledger import reports
from sync_system.ledger.counters import MINUTE
from sync_system.ledger.reports import Count
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
    parked: dict[str, int] = Field(description="More transactions parked than left it, by destination.")


class Step(Counts):
    """What happened from a time on, until the next step."""

    at: datetime


class Stats(BaseModel):
    """The counts as a whole, step by step, and where transactions stand now."""

    since: datetime
    bucket: Bucket
    states: Table = Field(description="Transactions by destination and state, now.")
    total: Counts
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
    steps: dict[int, list[Count]] = defaultdict(list)
    for count in found:
        steps[count.minute].append(count)
    return Stats(
        since=_time(first),
        bucket=bucket,
        states=_table(states),
        total=Counts(**_counts(found)),
        steps=[Step(at=_time(minute), **_counts(counts)) for minute, counts in steps.items()],
    )


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
