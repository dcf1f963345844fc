"""Where traces go: OTLP over HTTP, with libraries that are installed only where they are wanted."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sync_system.errors import ConfigurationError

if TYPE_CHECKING:
    from sync_system.telemetry.tracing import Tracer

TRACES = "/v1/traces"


def tracer(endpoint: str, headers: Mapping[str, str]) -> "Tracer":
    """Return an observer that sends traces to a collector; raise ConfigurationError if the libraries are missing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from sync_system.telemetry.tracing import Tracer
    except ImportError as exc:
        raise ConfigurationError(
            "tracing needs libraries that are not installed: pip install 'sync-system[otel]'"
        ) from exc
    whole = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + TRACES
    return Tracer(OTLPSpanExporter(endpoint=whole, headers=dict(headers)), version("sync-system"))
