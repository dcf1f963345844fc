"""The metrics of one process, in a registry of its own: how long its calls and batches take, beside the figures of all."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, start_http_server
from prometheus_client.exposition import choose_encoder

from sync_system.connectors.protocol import Call, Delivered
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work
from sync_system.services.figures import Figures
from sync_system.services.intake import Taken
from sync_system.services.observing import Timed
from sync_system.services.reading import Arrival
from sync_system.telemetry.calls import READ, outcome_of, outcomes_of
from sync_system.telemetry.exposition import InstallationCollector
from sync_system.telemetry.lags import Lags

log = structlog.get_logger(__name__)

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAGS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0)
SECOND = 1_000_000


class Metrics:
    """An observer that measures."""

    def __init__(self, figures: Figures) -> None:
        self.registry = CollectorRegistry()
        self._installation = InstallationCollector(figures)
        self.registry.register(self._installation)
        ProcessCollector(registry=self.registry)
        self._calls = Histogram(
            "sync_call_duration_seconds", "Calls of this process, by the outcome that all their records share.",
            ["system", "outcome"], buckets=QUICK, registry=self.registry,
        )  # fmt: skip
        self._batches = Histogram(
            "sync_batch_duration_seconds", "Batches of this process, from first to last.",
            ["role", "system"], buckets=QUICK, registry=self.registry,
        )  # fmt: skip
        self._lag = Lags("sync_intake_lag_seconds", "From an event's own time to its intake, by this process.", LAGS)
        self.registry.register(self._lag)

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that fits an Accept header, and its media type."""
        self._installation.loop = asyncio.get_running_loop()
        encode, kind = choose_encoder(accept)
        return await asyncio.to_thread(encode, self.registry), kind

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int | None]:
        """Serve the metrics on a port of their own, and give the port; None if it is taken.

        That ends nothing: several processes of one machine may share a configuration.
        """
        self._installation.loop = asyncio.get_running_loop()
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as exc:
            log.error("metrics.not_served", host=host, port=port, error=exc.strerror)  # noqa: TRY400  # it says all
            yield None
            return
        try:
            log.info("metrics.served", host=host, port=server.server_port)
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def read(self, system: str, call: Call) -> None:
        """Measure a request that wrote nothing."""
        self._calls.labels(system, READ).observe((call.ended_at - call.started_at) / SECOND)

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Measure a batch of events."""
        self._batches.labels("intake", system).observe(time.seconds)
        lags = [max(row["received_at"] - row["at"], 0) / SECOND for row in taken.rows if row["at"] is not None]
        if lags:
            self._lag.observe(system, lags)

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Measure the calls of a batch."""
        for call in delivered.calls:
            if call.positions:
                outcome = outcome_of(outcomes_of(call, delivered))
                self._calls.labels(claim.destination, outcome).observe((call.ended_at - call.started_at) / SECOND)

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Measure nothing: the ledger counts."""

    def carried(self, claim: Claim, time: Timed) -> None:
        """Measure a claim's way to its end."""
        self._batches.labels("delivery", claim.destination).observe(time.seconds)

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Measure a replay."""
        self._batches.labels("replay", destination).observe(time.seconds)
