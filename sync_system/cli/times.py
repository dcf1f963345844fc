"""Moments and durations as they are written on the command line."""

import re
from datetime import UTC, datetime, timedelta

import typer

AGO = re.compile(r"(\d+)\s*(s|m|h|d)\Z")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def since(text: str, option: str, now: datetime | None = None) -> int:
    """Read `2h` (ago) or a time like 2026-08-01T09:00; return microseconds since 1970. No offset: this machine's time."""
    now = now or datetime.now(UTC)
    found = AGO.match(text.strip())
    try:
        at = now - timedelta(**{UNITS[found[2]]: int(found[1])}) if found else datetime.fromisoformat(text.strip())
        return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as exc:
        hint = f"{text!r} is no time: write how long ago, like 30m, 4h or 7d, or a time like 2026-08-01T09:00"
        raise typer.BadParameter(hint, param_hint=option) from exc
