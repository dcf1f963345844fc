"""A call as it may be shown to anybody: its path without ids, its outcomes counted."""

import re
from collections import Counter
from urllib.parse import urlsplit

from sync_system.connectors.protocol import Call, Delivered

VERSION = re.compile(r"v\d+(\.\d+)*\Z")
READ = "read"
MIXED = "mixed"


def path_of(url: str, ids: frozenset[str] = frozenset()) -> str:
    """Return a URL's path with `{id}` for whatever may name a row, and without its query."""
    return "/".join("{id}" if _names_a_row(part, ids) else part for part in urlsplit(url).path.split("/"))


def _names_a_row(part: str, ids: frozenset[str]) -> bool:
    if part in ids or "@" in part or "%" in part:
        return True
    return any(c.isdigit() for c in part) and not VERSION.match(part)


def outcomes_of(call: Call, delivered: Delivered) -> Counter[str]:
    """Return how many of a call's records came to which outcome."""
    return Counter(str(delivered.outcomes[at].outcome) for at in call.positions if at < len(delivered.outcomes))


def outcome_of(counted: Counter[str]) -> str:
    """Return a call's own outcome: that of its records if it is the same for all."""
    return next(iter(counted)) if len(counted) == 1 else MIXED
