"""What a retry would do, and what it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from sync_system.bootstrap import Core
from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.ledger.repairs import Selection
from sync_system.services.canary import Stage
from sync_system.services.forecast import Expected, Forecast, Forecasting, Kind
from sync_system.services.parking import PARKABLE, Parking
from sync_system.services.retrying import Retried, Retrying, named
from sync_system.settings import Settings

MOST_LISTED = 20
STYLES = {Kind.REFUSED: "bold red", Kind.OVERTAKEN: "dim", Kind.NOTHING: "dim", Kind.DELETE: "red"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be retried, as a person named it."""

    names: Sequence[str] | None
    fingerprint: str | None
    system: str | None
    since: int | None

    async def selection(self, core: Core) -> Selection:
        """Return it by ids; raise NotFound."""
        ids = None if self.names is None else await named(core.db, core.catalog, self.names)
        return Selection(ids, self.fingerprint, self.system, self.since)


async def foretell(settings: Settings, order: Order) -> Forecast:
    """Return what a retry would do; raise NotFound, LedgerUnavailable."""
    async with opened(settings) as core:
        forecasting = Forecasting(core.db, core.catalog, core.clock)
        return await forecasting.forecast(await order.selection(core), MOST_LISTED)


async def count(settings: Settings, order: Order) -> int:
    """Return how many a retry would move; raise LedgerUnavailable."""
    async with opened(settings) as core:
        return await Retrying(core.db, core.clock).count(await order.selection(core))


async def retry(settings: Settings, order: Order, *, canary: bool, json: bool) -> Retried:
    """Retry what is ordered; raise NotFound, LedgerUnavailable."""
    async with opened(settings) as core:
        retrying, selection = Retrying(core.db, core.clock), await order.selection(core)
        tell = say_nothing if json else print_stage
        return await (retrying.retry_by_canary(selection, tell) if canary else retrying.retry(selection))


async def say_nothing(_: Stage) -> None:
    """Leave the output to the JSON at the end."""


async def print_stage(stage: Stage) -> None:
    """Say what became of a step of a canary."""
    ended = f": {stage.stopped}" if stage.stopped else ", none failed the same again"
    showing.console().print(f"tried {showing.counted(stage.tried, 'transaction')}{ended}")


async def park(settings: Settings, names: Sequence[str], reason: str) -> int:
    """Park what is named; return how many. Raise NotFound, LedgerUnavailable."""
    async with opened(settings) as core:
        ids = await named(core.db, core.catalog, names, PARKABLE)
        return await Parking(core.db, core.catalog, core.clock).park(ids, reason)


def print_retried(retried: Retried, *, json: bool) -> None:
    """Say what was moved."""
    if json:
        moved, came_from = dict(retried.moved), dict(retried.came_from)
        showing.print_json(
            {"retried": moved, "came_from": came_from, "overtaken": retried.overtaken, "stopped": retried.stopped}
        )
        return
    told = ", ".join(f"{count:,} to {system}" for system, count in sorted(retried.moved.items())) or "nothing"
    left = f"; {showing.counted(retried.overtaken, 'transaction')} had moved on" if retried.overtaken else ""
    showing.console().print(f"retried: {told}{left}")


def print_parked(count: int, *, json: bool) -> None:
    """Say how many were parked."""
    if json:
        showing.print_json({"parked": count})
    else:
        showing.console().print(f"parked: {count}")


def print_forecast(forecast: Forecast, *, json: bool) -> None:
    """Print what would be done: counts, and the first in detail."""
    if json:
        showing.print_json(document(forecast))
        return
    out, total = showing.console(), forecast.counts.total()
    if not total:
        out.print("There is nothing to retry.")
        return
    rows = [(system, str(kind), count) for (system, kind), count in sorted(forecast.counts.items())]
    out.print(showing.table("A delivery would now", ["to", "do", "transactions"], rows))
    for one in forecast.listed:
        _print_expected(out, one)
    if total > len(forecast.listed):
        out.print(f"… and {total - len(forecast.listed):,} more")
    out.print("Nothing was written.")


def _print_expected(out: Any, one: Expected) -> None:
    row = f" row {showing.plain(one.external_id)}" if one.external_id else ""
    look = ", after a look" if one.look and one.kind is not Kind.LOOK else ""
    head = f"{one.transaction} → {one.destination}{row}  "
    out.print(Text.assemble(head, (f"{one.kind}{look}", STYLES.get(one.kind, "bold"))))
    if one.reason:
        out.print(showing.line(one.reason, indent=4))
    for name, (old, new) in one.changes.items():
        change = shown(new) if old is None else f"{shown(old)} → {shown(new)}"
        out.print(showing.line(f"{name}: {change}", indent=4))


def shown(value: object) -> str:
    """Return a value of a lead as people read it."""
    return "(blank)" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def document(forecast: Forecast) -> dict[str, Any]:
    """Return a forecast as JSON's values."""
    counts = [
        {"destination": system, "would": str(kind), "count": count}
        for (system, kind), count in sorted(forecast.counts.items())
    ]
    return {"total": forecast.counts.total(), "counts": counts, "listed": [_expected(one) for one in forecast.listed]}


def _expected(one: Expected) -> dict[str, Any]:
    changes = {name: {"from": old, "to": new} for name, (old, new) in one.changes.items()}
    return {
        "transaction": one.transaction, "destination": one.destination, "record": one.record, "would": str(one.kind),
        "row": one.external_id, "look": one.look, "reason": one.reason or None, "changes": changes,
    }  # fmt: skip
