"""A lead's story on the terminal, or as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from sync_system.bootstrap import Core
from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.domain.transactions import State
from sync_system.services.finding import find
from sync_system.services.story import AttemptLine, EventLine, ReceiptLine, Story, Telling, TransactionLine
from sync_system.settings import Settings

STYLES = {State.SUCCEEDED: "green", State.FAILED: "yellow", State.PARKED: "bold red"}
MOST_TRIES = 10
QUIET = {"confirmed", "echo of our write"}


def telling(core: Core) -> Telling:
    """Return what tells stories."""
    schedules = {name: core.schedule(name) for name in core.settings.systems}
    return Telling(core.db, core.advice, schedules, core.replaying().policies, core.clock)


async def ask(settings: Settings, name: str, *, calls: bool) -> Story:
    """Find a lead and return its story; raise NotFound, LedgerUnavailable."""
    async with opened(settings) as core:
        found = await find(core.db, core.catalog, name)
        return await telling(core).tell(found.record, found.transaction, calls=calls)


def print_story(story: Story, *, json: bool) -> None:
    """Print a story."""
    if json:
        showing.print_json(document(story))
        return
    out = showing.console()
    gone = f", deleted {showing.when(story.deleted_at)}" if story.deleted_at is not None else ""
    out.print(
        Text.assemble((f"{story.object} {story.record}", "bold"), f"  since {showing.when(story.created_at)}{gone}")
    )
    fields = [(one.name, _value(one.value), one.system or "-", showing.when(one.at)) for one in story.fields]
    out.print(showing.table("Fields", ["field", "value", "set by", "at"], fields))
    out.print(showing.table("Rows", ["system", "id", "last news", ""], [_link(one) for one in story.links]))
    _print_transactions(out, story.transactions)
    _print_events(out, story.events)


def _value(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _link(row: Any) -> list[object]:
    marks = ["will be looked at before the next write"] if row.verify else []
    marks += [f"deleted there {showing.when(row.deleted_at)}"] if row.deleted_at is not None else []
    return [row.system, row.external_id or "(not known yet)", showing.when(row.synced_at), ", ".join(marks)]


def _print_transactions(out: Console, several: Sequence[TransactionLine]) -> None:
    out.print(Text("Transactions", style="bold"))
    for one in several:
        style = STYLES.get(one.state, "")
        tried = f"{one.attempts} of {one.most} attempts" if one.attempts else ""
        head = f"  {showing.when(one.created_at)}  {one.id} → {one.destination}  "
        out.print(Text.assemble(head, (str(one.state), style), f"  {tried}"))
        left_out = len(one.tries) - MOST_TRIES
        if left_out > 0:
            out.print(showing.line(f"… {showing.counted(left_out, 'earlier attempt')}", indent=6, style="dim"))
        for attempt in one.tries[-MOST_TRIES:]:
            _print_attempt(out, attempt)
        if one.state is State.PARKED and (not one.tries or one.error != one.tries[-1].message):
            out.print(showing.line(f"parked: {one.error}", indent=6))
        if one.next is not None:
            at = f" {showing.when(one.next_at)}" if one.next_at is not None else ""
            out.print(showing.line(f"→ {one.next}{at}", indent=4, style="cyan"))
    out.print()


def _print_attempt(out: Console, one: AttemptLine) -> None:
    words = [one.outcome, one.code, f"HTTP {one.status}" if one.status else "", one.message]
    charged = ", charged" if one.charged else ""
    told = "  ".join(word for word in words if word)
    out.print(showing.line(f"{showing.when(one.at)}  {one.trigger}{charged}: {told}", indent=6))
    for call in one.calls:
        took = (call.ended_at - call.started_at) / showing.SECOND
        out.print(showing.line(f"{call.method} {call.url}  {call.status or 'no answer'}  {took:.2f} s", indent=8))
        out.print(showing.line(f"> {call.request}", indent=8, style="dim"))
        out.print(showing.line(f"< {call.response}", indent=8, style="dim"))


def _print_events(out: Console, several: Sequence[EventLine]) -> None:
    out.print(Text("Events", style="bold"))
    for one in several:
        out.print(showing.line(
            f"{showing.when(one.received_at)}  {one.source}:{one.external_id or ''} {one.verb}  {one.outcome}"
            f"{f'  {one.error}' if one.error else ''}", indent=2,
        ))  # fmt: skip
        for receipt in one.receipts:
            told = in_words(receipt)
            out.print(showing.line(told, indent=6, style="dim" if receipt.rule in QUIET else ""))


def in_words(one: ReceiptLine) -> str:
    """Return a receipt as a sentence."""
    what = f"{', '.join(one.fields)}: {one.rule}" if one.fields else one.rule
    kept = f"; keeps {one.kept[1]}'s of {showing.when(one.kept[0])}" if one.kept else ""
    lost = f", not {one.lost[1]}'s of {showing.when(one.lost[0])}" if one.lost and one.lost[0] >= 0 else ""
    return f"{what}{kept}{lost}"


def document(story: Story) -> dict[str, Any]:
    """Return a story as JSON's values."""
    at = showing.moment
    return {
        "record": story.record, "object": story.object, "created_at": at(story.created_at),
        "updated_at": at(story.updated_at), "deleted_at": at(story.deleted_at),
        "fields": [
            {"name": one.name, "value": one.value, "system": one.system, "at": at(one.at)} for one in story.fields
        ],
        "links": [
            {
                "system": one.system, "external_id": one.external_id, "verify": one.verify,
                "synced_at": at(one.synced_at), "deleted_at": at(one.deleted_at),
            }
            for one in story.links
        ],
        "transactions": [_transaction(one) for one in story.transactions],
        "events": [_event(one) for one in story.events],
    }  # fmt: skip


def _transaction(one: TransactionLine) -> dict[str, Any]:
    return {
        "id": one.id, "destination": one.destination, "state": str(one.state), "attempts": one.attempts,
        "most": one.most, "created_at": showing.moment(one.created_at), "updated_at": showing.moment(one.updated_at),
        "error": one.error, "fingerprint": one.fingerprint, "next": one.next, "next_at": showing.moment(one.next_at),
        "results": [_attempt(tried) for tried in one.tries],
    }  # fmt: skip


def _attempt(one: AttemptLine) -> dict[str, Any]:
    calls = [
        {
            "method": call.method, "url": call.url, "status": call.status, "request": call.request,
            "response": call.response, "started_at": showing.moment(call.started_at),
            "ended_at": showing.moment(call.ended_at),
        }
        for call in one.calls
    ]  # fmt: skip
    return {
        "at": showing.moment(one.at), "trigger": one.trigger, "outcome": one.outcome, "status": one.status,
        "code": one.code or None, "message": one.message or None, "charged": one.charged, "calls": calls,
    }  # fmt: skip


def _event(one: EventLine) -> dict[str, Any]:
    receipts = [
        {"rule": r.rule, "fields": list(r.fields), "kept": _stamp(r.kept), "lost": _stamp(r.lost)} for r in one.receipts
    ]
    return {
        "id": one.id, "received_at": showing.moment(one.received_at), "at": showing.moment(one.at),
        "source": one.source, "verb": one.verb, "external_id": one.external_id, "outcome": one.outcome,
        "error": one.error, "receipts": receipts,
    }  # fmt: skip


def _stamp(stamp: tuple[int, str] | None) -> dict[str, Any] | None:
    if stamp is None or stamp[0] < 0:
        return None
    return {"at": showing.moment(stamp[0]), "system": stamp[1]}
