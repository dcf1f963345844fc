"""One trace for each lead across queue and calls: its id is the record's. Imported only where tracing is configured."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from sync_system.connectors.protocol import Call, Delivered, Outcome
from sync_system.domain.outcomes import OutcomeClass
from sync_system.ledger.transactions import Settled
from sync_system.services.claiming import Claim, Work
from sync_system.services.intake import Taken
from sync_system.services.observing import Timed
from sync_system.services.reading import Arrival
from sync_system.telemetry.calls import path_of

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")
# Leads come by the batch, and so do their spans: more than a batch or two must find room.
QUEUE, BATCH = 65_536, 2_048
Attributes = Mapping[str, str | int]


class RecordIds(RandomIdGenerator):
    """Gives the next trace the id of a record; spans are numbered at random."""

    def __init__(self) -> None:
        self.record = ""

    def generate_trace_id(self) -> int:
        """Return a UUID's 128 bits."""
        return int(self.record, 16)


class Tracer:
    """An observer that traces. `exporter`: where finished spans go."""

    def __init__(self, exporter: SpanExporter, version: str) -> None:
        self._ids = RecordIds()
        resource = Resource.create({"service.name": "sync-system", "service.version": version})
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE, max_export_batch_size=BATCH)
        )
        self._tracer = self._provider.get_tracer("sync_system", version)

    async def aclose(self) -> None:
        """Send what is left, and end."""
        await asyncio.to_thread(self._provider.shutdown)

    def flush(self) -> None:
        """Send what is there now."""
        self._provider.force_flush()

    def _span(self, record: str, name: str, time: Timed, attributes: Attributes, links: Sequence[Link] = ()) -> Span:
        """Begin a span of a record's trace."""
        self._ids.record = record
        return self._tracer.start_span(
            name, context=Context(), kind=SpanKind.CONSUMER, attributes=attributes, links=links,
            start_time=time.began_at * 1_000,
        )  # fmt: skip

    def read(self, system: str, call: Call) -> None:
        """Trace nothing: a read is for many leads."""

    def took_in(self, system: str, arrivals: Sequence[Arrival], taken: Taken, time: Timed) -> None:
        """Trace the intake of each event that a record is known for, linked to the trace that it was made in."""
        made_in = {a.event.id: a.event.traceparent for a in arrivals if a.event.traceparent}
        for row in taken.rows:
            if row["record"] is None:
                continue
            links = _links(made_in.get(row["event_id"]))
            attributes = {"sync.system": system, "sync.event": row["id"], "sync.outcome": row["outcome"]}
            self._span(row["record"], "intake", time, attributes, links).end(time.ended_at * 1_000)

    def sent(self, claim: Claim, work: Sequence[Work], delivered: Delivered, time: Timed) -> None:
        """Trace each record's attempt, with the calls that carried it."""
        calls: dict[int, list[Call]] = {}
        for call in delivered.calls:
            for at in call.positions:
                calls.setdefault(at, []).append(call)
        for at, (w, outcome) in enumerate(zip(work, delivered.outcomes, strict=False)):
            span = self._span(w.record, "delivery", time, _attempt(claim, w, outcome))
            if outcome.outcome is not OutcomeClass.OK:
                span.set_status(StatusCode.ERROR, str(outcome.outcome))
            for call in calls.get(at, ()):
                self._call(span, claim, w, call)
            span.end(time.ended_at * 1_000)

    def _call(self, parent: Span, claim: Claim, work: Work, call: Call) -> None:
        ids = frozenset(id for id in (work.record, work.external_id) if id)
        path = path_of(call.url, ids)
        attributes: dict[str, str | int] = {
            "sync.system": claim.destination, "http.request.method": call.method, "url.path": path,
            "sync.records": len(call.positions),
        }  # fmt: skip
        if call.status is not None:
            attributes["http.response.status_code"] = call.status
        span = self._tracer.start_span(
            f"{call.method} {path}", context=set_span_in_context(parent, Context()), kind=SpanKind.CLIENT,
            attributes=attributes, start_time=call.started_at * 1_000,
        )  # fmt: skip
        span.end(call.ended_at * 1_000)

    def settled(self, claim: Claim, settled: Sequence[Settled]) -> None:
        """Trace nothing: what was sent has been told."""

    def carried(self, claim: Claim, time: Timed) -> None:
        """Trace nothing: a claim is many leads."""

    def replayed(self, destination: str, trigger: str, records: Collection[str], time: Timed) -> None:
        """Trace each record's replay."""
        for record in records:
            attributes = {"sync.system": destination, "sync.trigger": trigger}
            self._span(record, "replay", time, attributes).end(time.ended_at * 1_000)


def _attempt(claim: Claim, work: Work, outcome: Outcome) -> Attributes:
    attributes: dict[str, str | int] = {
        "sync.system": claim.destination, "sync.transaction": work.transaction.id,
        "sync.trigger": str(work.transaction.trigger), "sync.outcome": str(outcome.outcome),
    }  # fmt: skip
    if outcome.code:
        attributes["sync.code"] = outcome.code
    return attributes


def _links(traceparent: str | None) -> Sequence[Link]:
    found = TRACEPARENT.match(traceparent or "")
    if not found:
        return ()
    context = SpanContext(
        int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16))
    )
    return (Link(context),) if context.is_valid else ()
