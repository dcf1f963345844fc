"""The comparison as a table or as JSON."""

from collections.abc import Sequence
from typing import Any

from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.services.compare import Compared, Comparing, Comparison
from sync_system.services.differences import Difference
from sync_system.settings import Settings


async def compare_all(settings: Settings, limit: int, *, repair: bool) -> tuple[Comparison, list[Difference]]:
    """Compare everything; return the whole, and the first `limit` differences."""
    listed: list[Difference] = []

    def found(differences: Sequence[Difference]) -> None:
        listed.extend(differences[: limit - len(listed)])

    async with opened(settings) as core:
        comparing = Comparing(core.db, core.catalog, core.connectors, core.clock)
        return await comparing.compare(found, repair=repair), listed


def print_comparison(comparison: Comparison, listed: Sequence[Difference], *, json: bool, values: bool) -> None:
    """Print a comparison; `values` are personal data and left out unless asked for."""
    entries = [_entry(one, values=values) for one in listed]
    if json:
        showing.print_json(document(comparison) | {"listed": entries})
    else:
        _print_tables(comparison, entries)


def _entry(one: Difference, *, values: bool) -> dict[str, Any]:
    entry = {
        "kind": str(one.kind), "object": one.object, "system": one.system, "row": one.external_id,
        "record": one.record, "field": one.field, "reason": one.reason or None, "open": one.open,
    }  # fmt: skip
    return entry | ({"expected": one.expected, "found": one.found} if values else {})


def document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON's values."""
    return {
        "equal": comparison.equal,
        "records": dict(comparison.records),
        "systems": [_system(one) for one in comparison.compared],
        "open": [dict(zip(OPEN, row, strict=True)) for row in _open(comparison)],
    }


def _system(one: Compared) -> dict[str, Any]:
    differences = {str(kind): count for kind, count in sorted(one.differences.items())}
    return {
        "object": one.object, "system": one.system, "rows": one.rows, "linked": one.linked, "held": one.held,
        "fields": one.fields, "differences": differences,
    }  # fmt: skip


OPEN = ("object", "system", "state", "count")


def _open(comparison: Comparison) -> list[tuple[str, str, str, int]]:
    return [
        (object, system, state, count)
        for object, counts in comparison.open.items()
        for (system, state), count in sorted(counts.items())
    ]


def _print_tables(comparison: Comparison, entries: Sequence[dict[str, Any]]) -> None:
    out = showing.console()
    columns = ["object", "records", "system", "rows", "linked", "held", "fields compared", "differences"]
    out.print(showing.table("Compared", columns, [_row(comparison, one) for one in comparison.compared]))
    if under_way := _open(comparison):
        out.print(showing.table("Still open", ["object", "to", "state", "transactions"], under_way))
    if entries:
        names = [name for name in entries[0] if any(entry[name] is not None for entry in entries)]
        total = sum(one.differences.total() for one in comparison.compared)
        rows = [[entry[name] for name in names] for entry in entries]
        out.print(showing.table(f"Differences ({len(entries)} of {total})", names, rows))
    out.print("Nothing differs." if comparison.equal else "There are differences.")


def _row(comparison: Comparison, one: Compared) -> list[object]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(one.differences.items())) or "none"
    return [one.object, comparison.records[one.object], one.system, one.rows, one.linked, one.held, one.fields, kinds]
