"""What is seen of a delivery: wide lines in the log, histograms, traces; and no lead in any of them."""

import gzip
import uuid
from contextlib import contextmanager

import httpx
import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sync_system.telemetry.tracing import Tracer
from tests.integration.installation import contact, email, fresh, told
from tests.integration.receiving import receiving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def logged():
    with structlog.testing.capture_logs() as entries:
        yield entries


async def planned(installation, count):
    """Let the CRM tell of new contacts, so that the application lacks them; return their emails."""
    emails = [email() for _ in range(count)]
    bodies = [
        told("crm", fresh(), contact(email=mail, firstname="Asha"), traceparent=f"00-{TRACE}-{SPAN}-01")
        for mail in emails
    ]
    await installation.take("crm", *bodies)
    return emails


async def test_each_request_has_one_line(installation, application, logged):
    emails = await planned(installation, 30)
    await installation.deliver("application")
    calls = [line for line in logged if line["event"] == "call"]
    assert len(calls) == len(application.calls())
    assert {(line["path"], line["trigger"]) for line in calls[:-1]} == {("/leads/lookup", "read")}
    call = calls[-1]
    assert call.pop("ms") > 0
    assert call == {
        "event": "call", "log_level": "info", "system": "application", "object": "lead", "method": "POST",
        "path": "/leads/bulk", "status": 200, "records": 30, "outcomes": {"ok": 30}, "trigger": "live",
    }  # fmt: skip
    assert not any(mail in str(logged) for mail in emails)


async def test_each_failed_record_has_one_line(installation, application, logged):
    emails = await planned(installation, 5)
    application.order("locked", only="write", records=emails[:2])
    await installation.deliver("application")
    lines = [line for line in logged if line["event"] == "attempt"]
    rows = await installation.rows(
        "SELECT id, record, fingerprint FROM transactions WHERE state = 'failed' ORDER BY id"
    )
    assert sorted((line["transaction"], line["record"], line["fingerprint"]) for line in lines) == list(rows)
    first = lines[0]
    assert (first["outcome"], first["state"], first["charged"], first["attempts"]) == ("retry", "failed", True, 1)
    assert first["next"].endswith("+00:00")
    assert not any(mail in str(logged) for mail in emails)


async def test_durations_are_measured_where_the_work_is_done(installation, application):
    await planned(installation, 3)
    await installation.deliver("application")
    text = (await installation.core.metrics.render(""))[0].decode()
    assert 'sync_call_duration_seconds_count{outcome="ok",system="application"} 1.0' in text
    assert 'sync_batch_duration_seconds_count{role="delivery",system="application"} 1.0' in text
    assert 'sync_intake_lag_seconds_count{system="crm"} 3.0' in text


async def test_metrics_have_a_port_of_their_own(installation):
    with installation.core.metrics.served("127.0.0.1", 0) as port:
        async with httpx.AsyncClient() as client:
            reply = await client.get(f"http://127.0.0.1:{port}/metrics")
        assert "sync_ledger_up 1.0" in reply.text
        with installation.core.metrics.served("127.0.0.1", port) as second:
            assert second is None


async def test_broken_observer_costs_no_lead_anything(installation, application, logged):
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError(name)

    installation.core.observer.observers.insert(0, Broken())
    await planned(installation, 2)
    await installation.deliver("application")
    assert await installation.states("application") == ["succeeded"] * 2
    assert {line["heard"] for line in logged if line["event"] == "observer.failed"} >= {"took_in", "sent", "settled"}


async def test_trace_of_a_lead_is_its_record(installation, application):
    exporter = InMemorySpanExporter()
    tracer = Tracer(exporter, "0")
    installation.core.observer.observers.append(tracer)
    emails = await planned(installation, 2)
    fault = application.order("locked", only="write", records=emails)
    await installation.deliver("application")
    application.lift(fault)
    await installation.core.replaying().replay("application")
    await installation.deliver("application")
    tracer.flush()
    spans = exporter.get_finished_spans()
    await tracer.aclose()
    records = await installation.rows("SELECT id FROM records")
    assert {f"{span.context.trace_id:032x}" for span in spans} == set(records)
    names = [span.name for span in spans if f"{span.context.trace_id:032x}" == records[0]]
    assert sorted(names) == [
        "POST /leads/bulk", "POST /leads/bulk", "delivery", "delivery", "intake", "replay",
    ]  # fmt: skip
    [link] = next(span.links for span in spans if span.name == "intake")
    assert (f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") == (TRACE, SPAN)
    assert not any(mail in span.to_json() for mail in emails for span in spans)


async def test_traces_reach_a_collector(install, application):
    with collector() as (url, received):
        installation = install(tracing={"endpoint": url, "headers": {"x-key": "k"}})
        await planned(installation, 2)
        await installation.deliver("application")
        await installation.core.aclose()
    assert {path for path, _, _ in received} == {"/v1/traces"}
    assert {key for _, key, _ in received} == {"k"}
    spans = [span for _, _, body in received for span in spans_of(body)]
    assert sorted({span.name for span in spans}) == ["POST /leads/bulk", "delivery", "intake"]
    assert {uuid.UUID(bytes=span.trace_id).version for span in spans} == {7}


async def test_event_with_a_wrong_traceparent_is_taken_in(installation):
    body = told("crm", fresh(), contact(email=email())).replace(b'"specversion"', b'"traceparent":7,"specversion"')
    assert dict((await installation.take("crm", body)).taken.outcomes) == {"accepted": 1}


def spans_of(body):
    request = ExportTraceServiceRequest.FromString(body)
    return [span for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]


@contextmanager
def collector():
    """An OTLP receiver over HTTP."""
    received = []

    def answer(path, headers, body):
        body = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        received.append((path, headers["x-key"], body))
        return 200

    with receiving(answer) as url:
        yield url, received
