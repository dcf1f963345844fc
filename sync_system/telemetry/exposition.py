"""The installation's figures as Prometheus metrics: every process gives the same, whatever it does itself."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sync_system.domain.rounds import Scope, share
from sync_system.services.figures import Figures, Known, Seen

STATES = ("pending", "processing", "failed", "parked")
PATIENCE_SECONDS = 12.0
SECOND = 1_000_000
Row = tuple[tuple[str, ...], float]
# By the name of the count in the ledger: the metric, its labels beside the system, and what it tells.
COUNTS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "received": ("sync_events_received", ("outcome",), "Events taken in, by what became of them."),
    "repeated": ("sync_events_repeated", (), "Events that had been taken in before."),
    "created": ("sync_records_created", (), "New records, by the system that told of them first."),
    "conflicts": ("sync_conflicts", (), "Edits that met one which their author had not seen."),
    "planned": ("sync_transactions_planned", (), "Transactions planned for a destination."),
    "delivered": ("sync_results", ("outcome",), "Attempts at a record, by outcome class."),
    "charged": ("sync_attempts_charged", (), "Attempts charged to records."),
    "uncharged": ("sync_attempts_uncharged", (), "Charges given back, because it was the destination."),
    "replayed": ("sync_replayed", (), "Failed transactions that went back to pending."),
    "gave_up": ("sync_gave_up", (), "Failed transactions parked because their attempts or their time were spent."),
    "deleted": ("sync_rows_deleted", (), "Rows deleted because they were deleted elsewhere."),
    "reconciled": ("sync_reconciled", ("found",), "Rows and records held against each other, by what was found."),
}


class InstallationCollector(Collector):
    """Asks for the figures, from a thread that is not the loop's."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self.loop: asyncio.AbstractEventLoop | None = None

    def describe(self) -> Iterable[Metric]:
        """Say nothing of the names beforehand, so that registering asks nobody."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return all figures that can be had now."""
        if self.loop is None:
            return
        seen = asyncio.run_coroutine_threadsafe(self.figures.read(), self.loop).result(PATIENCE_SECONDS)
        yield from exposed(seen)


def exposed(seen: Seen) -> Iterator[Metric]:
    """Return figures as metrics; what could not be read is left out, and `…_up` says so."""
    yield _gauge("sync_ledger_up", "Whether the ledger answers.", (), [((), float(seen.known is not None))])
    yield _gauge("sync_broker_up", "Whether the broker answers.", (), [((), float(seen.queues is not None))])
    if seen.queues is not None:
        depths = [((one.name,), float(one.messages)) for one in seen.queues]
        readers = [((one.name,), float(one.consumers)) for one in seen.queues]
        yield _gauge("sync_queue_messages", "Messages that wait in a queue.", ("queue",), depths)
        yield _gauge("sync_queue_consumers", "Consumers that read a queue.", ("queue",), readers)
    if seen.known is not None:
        yield from _counted(seen.known)
        yield from _waiting(seen.known, sorted(seen.rates))
        yield from _conditions(seen.known, sorted(seen.rates))
        yield from _limits(seen.known, seen)
        yield from _alerts(seen.known)
        yield from _rounds(seen.known)


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Iterable[Row]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _systems(name: str, text: str, systems: Iterable[str], numbers: Mapping[str, float]) -> Metric:
    return _gauge(name, text, ("system",), [((one,), float(numbers.get(one, 0))) for one in systems])


def _counted(known: Known) -> Iterator[Metric]:
    for count, (name, more, text) in COUNTS.items():
        family = CounterMetricFamily(name, text, labels=("system", *more))
        for (kind, system, value), number in sorted(known.totals.items()):
            if kind == count:
                family.add_metric((system, value) if more else (system,), number)
        yield family


def _waiting(known: Known, systems: list[str]) -> Iterator[Metric]:
    rows = [((one, state), float(known.totals.get(("state", one, state), 0))) for one in systems for state in STATES]
    yield _gauge("sync_transactions", "Open transactions.", ("system", "state"), rows)
    ages = {one: max(known.at - at, 0) / SECOND for one, at in known.oldest.items()}
    yield _systems("sync_oldest_pending_seconds", "How long the oldest pending transaction waits.", systems, ages)
    looks = {one: float(count) for one, (count, _) in known.looks.items()}
    due = {one: float(count) for one, (_, count) in known.looks.items()}
    yield _systems("sync_looks", "Rows to be read.", systems, looks)
    yield _systems("sync_looks_due", "Rows to be read now.", systems, due)
    yield _systems("sync_held", "Rows that stand apart until a person decides.", systems, _floats(known.held))
    text = "Messages that could not be taken in and wait for a person."
    yield _systems("sync_rejected", text, systems, _floats(known.rejected))


def _conditions(known: Known, systems: list[str]) -> Iterator[Metric]:
    down = {one: float(c.breaker.is_open) for one, c in known.conditions.items()}
    paused = {one: float(c.pause is not None) for one, c in known.conditions.items()}
    probes = {one: float(c.breaker.probes if c.breaker.is_open else 0) for one, c in known.conditions.items()}
    yield _systems("sync_breaker_open", "Whether a destination is taken to be down.", systems, down)
    yield _systems("sync_paused", "Whether a destination is paused.", systems, paused)
    yield _systems("sync_probes_failed", "Probes that failed since the breaker opened.", systems, probes)


def _limits(known: Known, seen: Seen) -> Iterator[Metric]:
    systems, today = sorted(seen.rates), {one: limit.today(known.at) for one, limit in known.limits.items()}
    yield _systems("sync_calls_today", "Calls on this day (UTC), where they are counted.", systems, _floats(today))
    slowed = {one: float(limit.slowed) for one, limit in known.limits.items()}
    yield _systems("sync_slowed", "How often the pace was halved.", systems, slowed)
    left: dict[str, float] = {}
    for one, rate in seen.rates.items():
        limit = known.limits.get(one)
        if limit is not None and limit.left is not None:
            left[one] = limit.left
        elif rate.daily is not None:
            left[one] = max(rate.daily - today.get(one, 0), 0)
    text = "Calls left of the day's allowance, where there is one."
    yield _gauge("sync_allowance_left", text, ("system",), [((one,), number) for one, number in left.items()])


def _alerts(known: Known) -> Iterator[Metric]:
    rows = [((kind,), float(number)) for kind, number in sorted(known.alerts.items())]
    yield _gauge("sync_alerts_open", "Alerts that are not over.", ("kind",), rows)
    told = CounterMetricFamily("sync_alerts_told", "Messages about alerts.", labels=("channel", "result"))
    for (kind, channel, result), number in sorted(known.totals.items()):
        if kind == "told":
            told.add_metric((channel, result), number)
    yield told


def _rounds(known: Known) -> Iterator[Metric]:
    """Tell of the last rounds over all rows, and of those that are held up."""
    over = [one for one in known.rounds if one.scope is Scope.EVERYTHING and one.ended_at is not None]
    shares = [((one.system, one.object), found) for one in over if (found := share(one.progress.found)) is not None]
    text = "Part of what could be compared in the last round over all rows that was consistent."
    yield _gauge("sync_reconciled_share", text, ("system", "object"), shares)
    ages = [((one.system, one.object), max(known.at - (one.ended_at or 0), 0) / SECOND) for one in over]
    text = "How long ago the last round over all rows ended."
    yield _gauge("sync_reconciled_age_seconds", text, ("system", "object"), ages)
    failed = [
        ((one.system, one.object, str(one.scope)), float(one.progress.tries))
        for one in known.rounds
        if one.ended_at is None
    ]
    text = "How often in a row the next page of a round could not be read."
    yield _gauge("sync_reconcile_failed", text, ("system", "object", "scope"), failed)


def _floats(numbers: Mapping[str, int]) -> dict[str, float]:
    return {name: float(number) for name, number in numbers.items()}
