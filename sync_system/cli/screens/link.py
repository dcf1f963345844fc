"""A link under way: progress bars, and the report as a table, as JSON and as CSV."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_system.bootstrap import Core
from sync_system.cli.opening import known_system, opened
from sync_system.cli.screens import showing
from sync_system.domain.pairing import BLANK_ONLY, NEWEST
from sync_system.errors import ConfigurationError
from sync_system.ledger import staging
from sync_system.ledger.runs import Run
from sync_system.services.linking import BOTH, NONE, Linking, Wishes
from sync_system.services.pairing import differing_of
from sync_system.settings import Settings
from sync_system.settings.problems import unknown

PAGE = 1_000
ENDED = {"done", "undone"}
VERDICTS = ("pair", "only", "ambiguous", "refused", "linked", "decided")


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    systems: tuple[str, str]
    object: str
    prefer: str
    create: str
    apply: bool
    run: str | None
    fresh: bool
    unlink: str | None
    csv: Path | None
    bars: bool


async def link_all(settings: Settings, order: Order) -> Run:
    """Do what was asked for and return the run as it stands then."""
    check(settings, order)
    async with opened(settings) as core:
        linking, wishes = core.linking(), Wishes(order.prefer, order.create)
        if order.unlink:
            return await _unlink(core, linking, order)
        run = await _run(linking, order)
        with showing.bars(shown=order.bars) as show:
            if run.state in {"reading", "read"}:
                run = await linking.read(run, wishes, show)
            if order.apply and run.state != "done":
                run = await linking.apply(run, wishes, show)
        if order.csv:
            await write_csv(core, run, order.csv)
        return run


def check(settings: Settings, order: Order) -> None:
    """Raise ConfigurationError for a system or a choice that there is not."""
    for name in order.systems:
        known_system(settings, name)
    for option, value, fixed in (
        ("--prefer", order.prefer, (NEWEST, BLANK_ONLY)),
        ("--create", order.create, (BOTH, NONE)),
    ):
        choices = [*fixed, *order.systems]
        if value not in choices:
            raise ConfigurationError(unknown(option, value, choices))


async def _run(linking: Linking, order: Order) -> Run:
    """Return the run to go on with: the one that was named, the last one unless it has ended, else a new one."""
    found = None if order.fresh else await linking.find(order.object, order.systems, order.run)
    if found is None or (found.state in ENDED and not order.run):
        return await linking.begin(order.object, order.systems)
    return found


async def _unlink(core: Core, linking: Linking, order: Order) -> Run:
    run = await linking.find(order.object, order.systems, order.unlink)
    if run is None:
        raise ConfigurationError("name the run whose links are to be taken back")
    with showing.bars(shown=order.bars) as show:
        await core.unlinking().unlink(run, show)
    return await linking.find(order.object, order.systems, order.unlink) or run


def document(run: Run) -> dict[str, Any]:
    """Return a run and its report as JSON's values."""
    told = {"run": run.id, "object": run.object, "systems": list(run.systems), "state": run.state}
    return told | {"options": dict(run.options)} | dict(run.report or {})


def print_run(run: Run, order: Order, *, json: bool) -> None:
    """Print a run's report."""
    if json:
        showing.print_json(document(run))
        return
    out, report = showing.console(), run.report or {}
    out.print(showing.table(f"Run {run.id}: {run.state}", ["", *run.systems], _totals(run, report)))
    if fields := report.get("fields"):
        out.print(
            showing.table("Pairs that differ", _field_columns(run), [_field(run, *one) for one in fields.items()])
        )
    for text in _next(run, order):
        out.print(showing.line(text))


def _totals(run: Run, report: Mapping[str, Any]) -> list[list[object]]:
    both = {"pairs": "pairs", "of them equal": "equal", "of them differing": "differing", "linked before": "linked"}
    each = {
        "rows": "rows", "only here": "only", "nobody can tell": "ambiguous", "refused by the mapping": "refused",
        "calls to read": "calls",
    }  # fmt: skip
    rows: list[list[object]] = [[label, *[report.get(name, 0)] * 2] for label, name in both.items()]
    rows += [[label, *(report.get(name, {}).get(system, 0) for system in run.systems)] for label, name in each.items()]
    return rows


def _field_columns(run: Run) -> list[str]:
    return ["field", "differ", *(f"{name} wins" for name in run.systems), *(f"blank in {name}" for name in run.systems)]


def _field(run: Run, name: str, one: dict[str, Any]) -> list[object]:
    return [name, one["differ"], *(one[what][system] for what in ("wins", "blank") for system in run.systems)]


def _next(run: Run, order: Order) -> list[str]:
    """Say what can be done next."""
    first, second = run.systems
    if run.state == "read":
        text = f"`sync-system link {first} {second} --apply` links them."
        return [f"Nothing was written to either system. --csv FILE lists every row; {text}"]
    if run.state == "done":
        done = (run.report or {}).get("done", {})
        counted = [f"{done.get(name, 0):,}" for name in ("linked", "created", "held")]
        return [
            "{} pairs linked, {} rows carried to the other side, {} put aside for a person.".format(*counted),
            "What is still on its way is delivered by the running service.",
            f"To take it back: `sync-system link {first} {second} --unlink {run.id}`.",
        ]
    return []


async def write_csv(core: Core, run: Run, path: Path) -> None:
    """Write a line for each row, and for each field in which a pair differs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["verdict", *run.systems, "field", *(f"{name} value" for name in run.systems), "wins", "why"])
        for verdict in VERDICTS:
            for system in run.systems[:1] if verdict == "pair" else run.systems:
                after = ""
                while page := await _page(core, run, verdict, system, after):
                    after = page[-1].external_id
                    writer.writerows(line for one in page for line in _lines(run, verdict, one))


async def _page(core: Core, run: Run, verdict: str, system: str, after: str) -> Sequence[staging.Staged]:
    async with core.db.read() as sql:
        return await staging.page(sql, run.id, verdict, system, after, PAGE)


def _lines(run: Run, verdict: str, one: staging.Staged) -> list[list[object]]:
    if verdict == "pair":
        ids = [one.external_id, one.partner]
        differing = differing_of(one.found)
        told = [
            [d.field, *(d.values.get(name) for name in run.systems), d.wins or "both stay", d.why] for d in differing
        ]
        return [[verdict, *ids, *line] for line in told or [["", "", "", "", "equal"]]]
    ids = [one.external_id if name == one.system else None for name in run.systems]
    found = one.found or {}
    reason = f"{found.get('reason', '')} {' '.join(found.get('with', []))}".strip()
    return [[verdict, *ids, "", "", "", "", reason]]
