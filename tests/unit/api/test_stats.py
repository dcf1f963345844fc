"""Counts are added up by time, and the states are those of now."""

from datetime import UTC, datetime

import pytest

from sync_system.domain.transactions import State
from sync_system.ledger.counters import MINUTE, Tally
from sync_system.messaging.envelope import micros

NOON = micros(datetime(2026, 5, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
async def counted(core):
    core.clock = lambda: NOON
    for minutes, outcome in ((-90, "accepted"), (-89, "accepted"), (-2, "stale"), (-1, "accepted")):
        await count(core, minutes, ("received", "crm", outcome))
    await count(core, -1, ("delivered", "application", "ok"), ("replayed", "application", ""), ("created", "crm", ""))
    return core


async def count(core, minutes, *facts):
    tally = Tally()
    for name, system, value in facts:
        tally.add(name, system, value)
    tally.moved("application", None, State.PARKED)
    async with core.db.write() as sql:
        await tally.store(sql, NOON + minutes * MINUTE)


async def stats(client, **params):
    return (await client.get("/v1/stats", params=params)).json()


async def test_counts_of_the_last_day_are_added_up(counted, client):
    found = await stats(client)
    assert found["since"] == "2026-04-30T12:00:00Z"
    assert {name: counts for name, counts in found["total"].items() if counts} == {
        "received": {"crm": {"accepted": 3, "stale": 1}},
        "created": {"crm": 1},
        "delivered": {"application": {"ok": 1}},
        "replayed": {"application": 1},
        "parked": {"application": 5},
    }
    assert found["states"] == {"application": {"parked": 5}}


@pytest.mark.parametrize(
    ("bucket", "steps"),
    [
        ("day", {"2026-05-01T00:00:00Z": 3}),
        ("hour", {"2026-05-01T10:00:00Z": 2, "2026-05-01T11:00:00Z": 1}),
        ("minute", {"2026-05-01T10:30:00Z": 1, "2026-05-01T10:31:00Z": 1, "2026-05-01T11:59:00Z": 1}),
    ],
)
async def test_steps_are_as_long_as_asked_for(counted, client, bucket, steps):
    found = await stats(client, bucket=bucket)
    accepted = {step["at"]: step["received"].get("crm", {}).get("accepted", 0) for step in found["steps"]}
    assert {at: number for at, number in accepted.items() if number} == steps


async def test_since_leaves_out_what_was_before(counted, client):
    found = await stats(client, since="2026-05-01T13:30:00+02:00", bucket="minute")
    assert found["since"] == "2026-05-01T11:30:00Z"
    assert found["total"]["received"] == {"crm": {"stale": 1, "accepted": 1}}
    assert found["states"] == {"application": {"parked": 5}}


@pytest.mark.parametrize(
    "params", [{"since": "yesterday"}, {"since": "2026-05-01T10:00:00"}, {"bucket": "week"}], ids=str
)
async def test_what_cannot_be_understood_is_refused(counted, client, params):
    assert (await client.get("/v1/stats", params=params)).status_code == 422


async def test_too_many_steps_are_refused(counted, client):
    reply = await client.get("/v1/stats", params={"since": "2020-01-01T00:00:00Z", "bucket": "minute"})
    assert reply.status_code == 422
    assert "longer" in reply.json()["detail"]
