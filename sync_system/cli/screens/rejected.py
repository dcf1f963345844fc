"""Rejected messages, with the place of what is wrong."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.text import Text

from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.domain.correcting import assignments, corrected, replaced
from sync_system.errors import InvalidValue
from sync_system.services.mending import Mending, PutBack, Rejected
from sync_system.settings import Settings

SHORT_ID = 12
MOST_LINES = 200
JSON_PLACE = re.compile(r"line (\d+) column (\d+)")
PATH = re.compile(r"(?:^|; |event: )([a-z_]\w*(?:\.\w+)*): ", re.IGNORECASE)


@asynccontextmanager
async def mending(settings: Settings) -> AsyncIterator[Mending]:
    """Give what deals with rejected messages."""
    async with opened(settings) as core:
        yield Mending(core.db, core.catalog, core.publisher, core.broker_url, core.topology, core.clock)


async def waiting(settings: Settings, system: str | None, limit: int) -> Sequence[Rejected]:
    """Return what waits for a person; raise LedgerUnavailable."""
    async with mending(settings) as service:
        return await service.waiting(system, limit)


async def get(settings: Settings, id: str) -> Rejected:
    """Return one message; raise NotFound, LedgerUnavailable."""
    async with mending(settings) as service:
        return await service.get(id)


async def mend(settings: Settings, id: str, data: Path | None, pairs: Sequence[str]) -> Rejected:
    """Put a corrected message back; raise InvalidEvent, InvalidValue, NotFound, BrokerUnavailable, LedgerUnavailable."""
    values, content = assignments(pairs), None if data is None else _read(data)

    def change(message: dict[str, Any] | None) -> dict[str, Any]:
        if data is not None:
            return replaced(message, content)
        if message is None:
            raise InvalidValue("set", "the message is no JSON object: give a whole one with --data")
        return corrected(message, values)

    async with mending(settings) as service:
        return await service.mend(id, change)


def _read(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as exc:
        raise InvalidValue("data", f"{file} is no JSON: {exc}") from exc


async def retry(settings: Settings, ids: Sequence[str]) -> PutBack:
    """Put messages back as they came; raise NotFound, BrokerUnavailable, LedgerUnavailable."""
    async with mending(settings) as service:
        return await service.retry(ids)


async def drop(settings: Settings, ids: Sequence[str], reason: str) -> int:
    """Set messages aside; raise NotFound, BrokerUnavailable, LedgerUnavailable."""
    async with mending(settings) as service:
        return await service.drop(ids, reason)


def print_list(found: Sequence[Rejected], *, json: bool) -> None:
    """Print what waits for a person."""
    if json:
        showing.print_json({"rejected": [_document(one) for one in found]})
        return
    out = showing.console()
    if not found:
        out.print("No message waits to be mended.")
        return
    rows = [(one.id[:SHORT_ID], one.system, _about(one), showing.when(one.received_at), one.reason) for one in found]
    out.print(showing.table("Rejected", ["id", "system", "about", "at", "reason"], rows))


def _about(one: Rejected) -> str:
    return f"{one.object}.{one.verb} {one.external_id or ''}" if one.object else "no event"


def print_one(one: Rejected, *, json: bool) -> None:
    """Print a message with marks where it is wrong."""
    if json:
        showing.print_json(_document(one) | {"body": one.body})
        return
    out = showing.console()
    out.print(Text.assemble((one.id, "bold"), f"  {one.system}  {_about(one)}  {showing.when(one.received_at)}"))
    out.print(showing.line(one.reason, style="bold red"))
    lines, marks = marked(one)
    first = max(0, min(marks, default=0) - MOST_LINES // 2)
    for number, text in enumerate(lines[first : first + MOST_LINES], first):
        out.print(
            Text.assemble((f"{number + 1:>5}  ", "dim"), showing.plain(text), (marks.get(number, ""), "bold red"))
        )
    if not one.whole:
        out.print("The ledger holds only the beginning of it, or it is no text: it cannot be put back as it is.")


def marked(one: Rejected) -> tuple[list[str], dict[int, str]]:
    """Return the lines of a message, and what to say behind some of them (numbers from 0)."""
    message = one.message()
    if message is None:
        place = JSON_PLACE.search(one.reason)
        lines = one.body.splitlines() or [""]
        return lines, {min(int(place[1]), len(lines)) - 1: f"   ◀ column {place[2]}"} if place else {}
    lines = orjson.dumps(message, option=orjson.OPT_INDENT_2).decode().splitlines()
    marks = {}
    for path in PATH.findall(one.reason):
        if (found := _line_of(lines, path.split("."))) is not None:
            marks[found] = "   ◀"
    return lines, marks


def _line_of(lines: Sequence[str], path: Sequence[str]) -> int | None:
    """Return the line of a path in JSON that is indented by two for each level."""
    at = 0
    for depth, name in enumerate(path, 1):
        start = f"{'  ' * depth}{orjson.dumps(name).decode()}:"
        found = next((n for n in range(at, len(lines)) if lines[n].startswith(start)), None)
        if found is None:
            return None
        at = found
    return at


def print_done(
    what: str, count: int, refused: Sequence[tuple[str, str]], *, json: bool, ids: Sequence[str] = ()
) -> None:
    """Say what was done, and what would be rejected again."""
    if json:
        rejected = [{"id": id, "reason": reason} for id, reason in refused]
        showing.print_json({what.replace(" ", "_"): count, "rejected": rejected})
        return
    out = showing.console()
    for id, reason in refused:
        out.print(showing.line(f"{id[:SHORT_ID]} would be rejected again: {reason}"))
    out.print(f"{what}: {count}{f' ({ids[0][:SHORT_ID]})' if ids else ''}")


def _document(one: Rejected) -> dict[str, Any]:
    return {
        "id": one.id, "system": one.system, "object": one.object or None, "verb": one.verb or None,
        "external_id": one.external_id, "received_at": showing.moment(one.received_at), "reason": one.reason,
    }  # fmt: skip
