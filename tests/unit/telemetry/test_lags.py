"""A histogram of batches counts like one of single values."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from sync_system.telemetry.lags import Lags

BOUNDS = (0.1, 1.0, 60.0)
VALUES = [0.05, 0.1, 0.5, 1.0, 59.0, 61.0, 7_000.0]


def test_histogram_of_batches_counts_like_prometheus():
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    lags = Lags("lag_seconds", "Lag.", BOUNDS)
    ours.register(lags)
    lags.observe("crm", VALUES[:3])
    lags.observe("crm", VALUES[3:])
    histogram = Histogram("lag_seconds", "Lag.", ["system"], buckets=BOUNDS, registry=theirs)
    for value in VALUES:
        histogram.labels("crm").observe(value)
    plain = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == plain
