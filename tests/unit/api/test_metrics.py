"""Metrics are given in both formats, whatever is away, and name no lead."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from sync_system.domain.transactions import State
from sync_system.ledger.counters import Tally


def samples(text, parse=plain_text):
    return {(s.name, *sorted(s.labels.values())): s.value for family in parse(text) for s in family.samples}


@pytest.fixture
async def counted(core):
    tally = Tally()
    tally.add("delivered", "crm", "ok", 7)
    tally.add("received", "application", "accepted", 3)
    tally.moved("crm", None, State.PARKED, 2)
    async with core.db.write() as sql:
        await tally.store(sql, core.clock())
    return core


async def test_metrics_tell_what_the_ledger_counts(counted, client):
    reply = await client.get("/metrics")
    found = samples(reply.text)
    assert reply.headers["content-type"].startswith("text/plain")
    assert found["sync_results_total", "crm", "ok"] == 7
    assert found["sync_events_received_total", "accepted", "application"] == 3
    assert found["sync_transactions", "crm", "parked"] == 2
    assert found["sync_transactions", "application", "pending"] == 0
    assert found["sync_breaker_open", "crm"] == 0


async def test_scraper_that_asks_for_open_metrics_gets_them(counted, client):
    reply = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert samples(reply.text, open_metrics)["sync_results_total", "crm", "ok"] == 7


async def test_broker_that_is_away_is_a_figure(client):
    found = samples((await client.get("/metrics")).text)
    assert (found[("sync_broker_up",)], found[("sync_ledger_up",)]) == (0, 1)


async def test_ledger_that_is_away_is_a_figure(core, client, tmp_path):
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.db").mkdir()
    found = samples((await client.get("/metrics")).text)
    assert found[("sync_ledger_up",)] == 0
    assert not any(name.startswith("sync_transactions") for name, *_ in found)
