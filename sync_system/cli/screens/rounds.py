"""Rounds of reconciling, as lines of a table or as JSON's values."""

from collections.abc import Mapping
from typing import Any

from sync_system.cli.screens import showing
from sync_system.domain.rounds import CONSISTENT, share
from sync_system.ledger.rounds import Round

ROUND = ["system", "object", "what", "began", "ended", "rows", "consistent", "found", "trouble"]


def round_of(one: Round, now: int) -> list[object]:
    """Return a round as cells; times as how long ago."""
    progress = one.progress
    began = "not yet" if progress.began_at is None else showing.ago(progress.began_at, now)
    ended = "under way" if one.ended_at is None and progress.began_at else showing.ago(one.ended_at, now)
    consistent = share(progress.found)
    part = "-" if consistent is None else f"{int(consistent * 10_000) / 100:.2f} %"
    rows = progress.rows if one.ended_at or not progress.expected else f"{progress.rows} so far"
    return [
        one.system,
        one.object,
        str(one.scope),
        began,
        ended,
        rows,
        part,
        _found(progress.found),
        progress.trouble or "-",
    ]


def _found(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(found.items()) if count and what != CONSISTENT) or "-"


def round_document(one: Round) -> dict[str, Any]:
    """Return a round as JSON's values."""
    progress = one.progress
    return {
        "object": one.object, "scope": str(one.scope), "began_at": showing.moment(progress.began_at),
        "ended_at": showing.moment(one.ended_at), "rows": progress.rows, "records": progress.records,
        "share": share(progress.found), "found": progress.found, "repaired": progress.repaired,
        "trouble": progress.trouble, "tries": progress.tries,
    }  # fmt: skip
