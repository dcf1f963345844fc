"""Causes of failure as blocks of text or as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.ledger.causes import OpenCause
from sync_system.services.failures import Failure, failures
from sync_system.settings import Settings


async def ask(settings: Settings, system: str | None, *, closed: bool) -> tuple[list[Failure], int]:
    """Return the causes, and when they were asked for (microseconds); raise LedgerUnavailable."""
    async with opened(settings) as core:
        return await failures(core.db, core.advice, system, closed=closed), core.clock()


def print_failures(found: Sequence[Failure], at: int, *, json: bool) -> None:
    """Print causes, the commonest first."""
    if json:
        showing.print_json({"failures": [_document(one) for one in found]})
        return
    out = showing.console()
    for one in found:
        _print_block(out, one, at)
    waiting = sum(one.cause.failed + one.cause.parked for one in found)
    groups = sum(one.cause.failed + one.cause.parked > 0 for one in found)
    if waiting:
        out.print(f"{showing.counted(waiting, 'transaction')} in {showing.counted(groups, 'group')}.", end=" ")
        out.print("What a retry of a group would do: sync-system retry --fingerprint … --dry-run", soft_wrap=True)
    else:
        out.print("Nothing is failed or parked.")


def _print_block(out: Any, one: Failure, at: int) -> None:
    cause = one.cause
    out.print(Text.assemble(
        (cause.destination, "bold"), f"  {cause.object}  ", (_counts(cause), "bold red" if cause.parked else "yellow"),
        f"  {_kind(cause)}", (f"  {cause.fingerprint or ''}", "dim"),
    ))  # fmt: skip
    out.print(showing.line(cause.message or "(the system gave no reason)", indent=2))
    seen = f"first {showing.ago(cause.first_at, at)} ago, last {showing.ago(cause.last_at, at)} ago"
    times = f", {showing.counted(cause.count, 'time')}" if cause.count else ""
    out.print(showing.line(f"{seen}{times}; for example transaction {cause.transaction}", indent=2, style="dim"))
    out.print(showing.line(f"→ {one.advice}", indent=2, style="cyan"))
    out.print()


def _counts(cause: OpenCause) -> str:
    told = [f"{count:,} {state}" for state, count in (("failed", cause.failed), ("parked", cause.parked)) if count]
    return ", ".join(told) or "none waits"


def _kind(cause: OpenCause) -> str:
    words = [
        cause.outcome,
        cause.code if cause.code != cause.outcome else "",
        f"HTTP {cause.status}" if cause.status else "",
    ]
    return showing.plain(" ".join(word for word in words if word))


def _document(one: Failure) -> dict[str, Any]:
    cause = one.cause
    return {
        "destination": cause.destination, "object": cause.object, "fingerprint": cause.fingerprint,
        "failed": cause.failed, "parked": cause.parked, "outcome": cause.outcome or None, "code": cause.code or None,
        "status": cause.status, "message": cause.message, "transaction": cause.transaction, "count": cause.count,
        "first_at": showing.moment(cause.first_at), "last_at": showing.moment(cause.last_at), "advice": one.advice,
    }  # fmt: skip
