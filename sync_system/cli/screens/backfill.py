"""A backfill: what it will take, its progress, and what it came to."""

from dataclasses import asdict, dataclass

from sync_system.cli.opening import known_system, opened
from sync_system.cli.screens import showing
from sync_system.services.backfilling import Estimate
from sync_system.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    system: str
    object: str
    fields: tuple[str, ...]
    dry_run: bool
    json: bool


async def backfill_all(settings: Settings, order: Order) -> None:
    """Say what it takes, and do it unless only that was asked for."""
    known_system(settings, order.system)
    async with opened(settings) as core:
        filling = core.backfilling()
        estimate = await filling.estimate(order.object, order.system, order.fields)
        if not order.json:
            _print_estimate(order, estimate)
        report: dict[str, object] = {}
        if not order.dry_run:
            run = await filling.begin(order.object, order.system, order.fields)
            with showing.bars(shown=not order.json) as show:
                run = await filling.fill(run, show)
            report = {"run": run.id, "state": run.state, **(run.report or {})}
        if order.json:
            showing.print_json({"estimate": asdict(estimate), **report})
        elif report:
            told = f"{report['records']:,} records looked at, {report['planned']:,} planned for {order.system}"
            showing.console().print(showing.line(f"{told}; the running service delivers them."))


def _print_estimate(order: Order, one: Estimate) -> None:
    out = showing.console()
    rows = [
        ["records", one.records], ["rows of other systems to read", one.rows], ["rows to look at first", one.looks],
        ["records to write", one.writes], ["refused by the mapping", one.refused], ["calls, about", one.calls],
    ]  # fmt: skip
    out.print(showing.table(f"What it takes to bring {order.system} up to date", ["", "count"], rows))
    out.print(showing.line(f"About {showing.lasting(round(one.seconds * 1_000_000))} at its share of the limits."))
