"""Times as systems write them, and as the core keeps them: whole microseconds since 1970."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TimeFormat = Literal["iso", "s", "ms"]
UNITS = {"s": 1_000_000, "ms": 1_000}


def now() -> int:
    """Return this machine's time in microseconds since 1970."""
    return time.time_ns() // 1_000


def read_time(raw: Any, form: TimeFormat = "iso") -> int | None:
    """Return a system's time in microseconds since 1970, None if it gives none or one that cannot be read."""
    if raw is None or raw == "" or isinstance(raw, bool):
        return None
    try:
        return read_iso(str(raw)) if form == "iso" else round(float(raw) * UNITS[form])
    except (ValueError, TypeError, OverflowError):
        return None


@lru_cache(maxsize=1_024)
def read_iso(text: str) -> int:
    """Return an ISO 8601 time in microseconds since 1970, one without an offset as UTC; raise ValueError."""
    at = datetime.fromisoformat(text)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def write_time(at: int, form: TimeFormat = "iso") -> str:
    """Write microseconds since 1970 the way a system reads them; fractions that it cannot hold are cut off."""
    if form != "iso":
        return str(at // UNITS[form])
    return (EPOCH + at * MICROSECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
