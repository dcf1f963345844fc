"""A histogram that takes a batch of values at once: one value at a time costs ten times as much, and leads are many."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Lags(Collector):
    """Counts by system how many values, in seconds, lie below which bound."""

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.name, self.text, self.bounds = name, text, bounds
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, system: str, values: Sequence[float]) -> None:
        """Count values of a system."""
        counts = self._counts.setdefault(system, [0] * (len(self.bounds) + 1))
        for value in values:
            counts[bisect_left(self.bounds, value)] += 1
        self._sums[system] = self._sums.get(system, 0.0) + sum(values)

    def describe(self) -> Iterable[Metric]:
        """Name the metric."""
        return [HistogramMetricFamily(self.name, self.text, labels=("system",))]

    def collect(self) -> Iterator[Metric]:
        """Return what was counted."""
        family = HistogramMetricFamily(self.name, self.text, labels=("system",))
        for system, counts in list(self._counts.items()):
            below, buckets = 0, []
            for bound, count in zip([*self.bounds, float("inf")], list(counts), strict=True):
                below += count
                buckets.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
            family.add_metric((system,), buckets, self._sums[system])
        yield family
