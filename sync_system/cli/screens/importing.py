"""An import under way: every row checked by the mapping's own rules, a progress bar, and a report of what was refused."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from producers.async_publisher import AsyncLeadPublisher
from producers.importer import Import, Options, Progress, import_file, open_import
from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.domain.catalog import Route
from sync_system.domain.fields import Value
from sync_system.domain.mapping import FieldRule
from sync_system.errors import ConfigurationError, InvalidValue
from sync_system.messaging.broker import connect
from sync_system.messaging.topology import topology
from sync_system.settings import Settings, field_rules, object_spec
from sync_system.settings.problems import unknown

MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is imported, as what."""

    file: Path
    system: str
    object: str
    options: Options


async def import_all(settings: Settings, order: Order) -> tuple[Progress, str | None]:
    """Publish a file's rows; return how far it came, and what is to be known. Raise ConfigurationError, BrokerUnavailable."""
    rules, region = _rules(settings, order)
    by_own = {rule.name: rule for rule in rules.values()}
    fields = {name: rule.name for name, rule in rules.items()}
    source = open_import(order.file, order.system, fields, order.options, order.object)

    def validate(row: Mapping[str, str | None]) -> Mapping[str, Any]:
        return {own: read_cell(by_own[own], cell, region) for own, cell in row.items()}

    url = settings.root.broker.get_secret_value()
    await (await connect(url, topology(settings.systems))).close()  # so that the queues stand, also without the service
    progress = await _published(AsyncLeadPublisher(url, order.system, object=order.object), source, validate)
    async with opened(settings) as core:
        return progress, caution(order.system, core.catalog.routes[order.object][order.system], source.columns.values())


def caution(system: str, route: Route, columns: Collection[str]) -> str | None:
    """Return what becomes of rows that the system does not have; None if they are taken at their word."""
    if route.key_field is None or route.key_field in columns or "ids" not in route.lookups:
        return None
    return (
        f"The rows name no {route.key_field}, so {system} is asked about each one that is not known yet, "
        f"and those that it does not have are dropped as stale."
    )


def _rules(settings: Settings, order: Order) -> tuple[Mapping[str, FieldRule], str | None]:
    system = settings.systems.get(order.system)
    if system is None:
        raise ConfigurationError(unknown("system", order.system, settings.systems))
    if order.object not in system.objects:
        raise ConfigurationError(
            f"{order.system} has no {order.object}: {unknown('object', order.object, system.objects)}"
        )
    spec = object_spec(order.object, settings.objects[order.object])
    return field_rules(system.objects[order.object].fields, spec), spec.default_region


def read_cell(rule: FieldRule, cell: str | None, region: str | None) -> Value:
    """Return a cell in the system's own form; a canonical value stands for its own one. Raise InvalidValue."""
    try:
        return rule.read(cell, region)
    except InvalidValue:
        if cell is not None and cell in rule.to_own:
            own: Value = rule.to_own[cell]
            return own
        raise


async def _published(publisher: AsyncLeadPublisher, source: Import, validate: Any) -> Progress:
    rows = sum(1 for _ in source.table.rows())
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with publisher:
        with Bar(*columns, console=showing.console(stderr=True), transient=True) as bar:
            task = bar.add_task("publishing", total=rows)

            def report(progress: Progress) -> None:
                bar.update(task, completed=progress.published + len(progress.refused))

            return await import_file(publisher, source, validate=validate, report=report)


def print_report(progress: Progress, note: str | None, file: Path | None) -> None:
    """Say how much was published, and which rows were not; write those to a file if one is named."""
    out = showing.console()
    if progress.refused:
        rows = [(one.line, one.reason) for one in progress.refused[:MOST_LISTED]]
        out.print(showing.table(f"Refused ({len(rows)} of {len(progress.refused)})", ["line", "reason"], rows))
    if file is not None:
        with file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(["line", "reason"])
            writer.writerows((one.line, one.reason) for one in progress.refused)
    out.print(f"published: {progress.published}, refused: {len(progress.refused)}")
    if note is not None and progress.published:
        out.print(showing.line(note))
