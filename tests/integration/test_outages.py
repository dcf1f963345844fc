"""An outage costs its records nothing; a record that fails by itself is charged; one that fails a batch stands alone."""

import asyncio
import itertools

import pytest

from consumers.delivery import DeliveryRole
from consumers.roles import hints_of
from sync_system.connectors.registry import connector_types
from sync_system.ledger.database import Database
from sync_system.services.canary import replay_so
from sync_system.services.pausing import pause, resume
from sync_system.services.sweeping import Sweeping
from tests.integration.installation import SECOND, contact, document, email, fresh, told

BULK = "/leads/bulk"


async def planned(installation, count=1):
    """Let the CRM tell of new contacts, so that the application lacks them; return their emails."""
    mails = [email() for _ in range(count)]
    await installation.take("crm", *(told("crm", fresh(), contact(email=mail)) for mail in mails))
    return mails


async def down(installation, system="application"):
    return await installation.rows("SELECT name FROM destinations WHERE opened_at IS NOT NULL") == [system]


async def attempts(installation):
    return await installation.one("SELECT coalesce(sum(attempts), 0) FROM transactions")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "drop"},
        {"kind": "unavailable"},
        {"kind": "limited"},
        {"kind": "expired_token"},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_outage_is_noticed_at_once_and_charges_nobody(installation, application, fault):
    await planned(installation, 400)
    application.order(**fault)
    await installation.deliver("application")
    assert await down(installation)
    assert await attempts(installation) == 0
    assert await installation.one("SELECT count(*) FROM transactions WHERE state = 'pending'") >= 200
    application.lift()
    await installation.recover("application")
    assert set(await installation.states("application")) == {"succeeded"}
    assert await attempts(installation) == 0


async def test_calls_during_an_outage_are_few(installation, application):
    await planned(installation, 400)
    application.order("unavailable")
    await installation.deliver("application")
    application.forget_calls()
    delivery = installation.core.delivery()
    for _ in range(600):  # ten minutes, looked at every second
        installation.ahead += SECOND
        await delivery.deliver("application")
    calls = application.count_calls()
    # A probe every 15 s at most, each tried three times.
    assert 0 < calls["read"] <= 3 * 45
    assert calls["write"] == 0


async def test_probes_never_take_the_same_record_twice_in_a_row(installation, application):
    await planned(installation, 4)
    fault = application.order("unavailable")
    await installation.deliver("application")
    application.lift(fault)
    application.order("status", status=500, only="write", path=BULK)
    delivery, probed = installation.core.delivery(), []
    for _ in range(12):
        await installation.core.replaying().replay("application")
        installation.ahead += 20 * SECOND
        await delivery.deliver("application")
        probed += [str(document(one)) for one in await installation.rows("SELECT probed FROM destinations")]
    assert await down(installation)
    assert len(set(probed)) > 1
    assert all(first != second for first, second in itertools.pairwise(probed))


async def test_charges_before_an_outage_was_noticed_are_given_back(installation, application):
    application.order("status", status=500, only="write")
    for _ in range(4):
        await planned(installation)
        await installation.deliver("application")
    assert await down(installation)
    assert await installation.rows("SELECT DISTINCT state, attempts FROM transactions") == [("failed", 0)]
    assert await installation.one("SELECT count(*) FROM results WHERE charged") == 0
    assert await installation.one("SELECT count(*) FROM results") == 4


async def test_lone_record_that_always_fails_is_parked_and_stops_nobody(installation, application):
    mails = await planned(installation)
    application.order("record_error", records=mails)
    cap = installation.core.settings.systems["application"].common.replay.max_attempts
    await installation.deliver("application")
    for _ in range(cap):
        await installation.core.replaying().replay("application")
        await installation.deliver("application")
    assert await installation.one("SELECT state, attempts FROM transactions") == ("parked", cap)
    assert not await down(installation)
    await planned(installation)
    await installation.deliver("application")
    assert (await installation.states("application"))[-1] == "succeeded"


@pytest.mark.parametrize(("status", "end"), [(400, "parked"), (500, "failed")])
async def test_poison_in_a_batch_stands_alone(installation, application, status, end):
    mails = await planned(installation, 200)
    application.order("poison", status=status, message="the lead is cursed", records=[mails[137]])
    progress = await installation.core.delivery().deliver("application")
    states = await installation.rows("SELECT state, error FROM transactions ORDER BY state")
    assert [state for state, _ in states].count("succeeded") == 199
    [(state, error)] = [row for row in states if row[0] != "succeeded"]
    assert (state, "the lead is cursed" in error) == (end, True)
    # Halves of 200 down to the one, eight deep, two calls each; a 500 is probed in three places first.
    assert progress.calls <= 1 + 3 + 2 * 8


async def test_record_that_makes_a_batch_uncertain_is_found(installation, application):
    mails = await planned(installation, 32)
    application.order("poison", status=504, records=[mails[5]])
    await installation.deliver("application")
    assert sorted(set(await installation.states("application"))) == ["failed", "succeeded"]
    assert (await installation.states("application")).count("failed") == 1
    assert await attempts(installation) == 1


async def test_refused_identity_pauses_the_destination(installation, application):
    await planned(installation, 3)
    application.order("expired_token")
    delivery = installation.core.delivery()
    for _ in range(6):
        await delivery.deliver("application")
        installation.ahead += 20 * SECOND
    by, why = await installation.one("SELECT paused_by, paused_for FROM destinations")
    assert (by, "authentication" in why) == ("sync-system", True)
    application.lift()
    assert (await installation.core.delivery().deliver("application")).claimed == 0
    await resume(installation.core.db, ["application"], "application", installation.clock())
    await installation.recover("application")
    assert set(await installation.states("application")) == {"succeeded"}
    assert await attempts(installation) == 0


async def test_paused_destination_is_left_alone_by_every_process(installation, application):
    await pause(installation.core.db, ["application"], "application", "ops", "migration", installation.clock())
    await planned(installation, 3)
    assert (await installation.another().delivery().deliver("application")).claimed == 0
    assert application.count_calls()["write"] == 0
    was = await resume(installation.core.db, ["application"], "application", installation.clock())
    assert (was.by, was.reason) == ("ops", "migration")
    await installation.deliver("application")
    assert set(await installation.states("application")) == {"succeeded"}


async def many_failures(installation, application, count=60):
    mails = await planned(installation, count)
    application.order("locked", only="write", records=mails)
    await installation.deliver("application")
    return mails


async def canary(installation):
    """Replay by canary, delivering each step at once; return the steps."""
    steps, delivery = [], installation.core.delivery()

    async def wake():
        while (await delivery.deliver("application")).claimed:
            pass

    async def tell(stage):
        steps.append((stage.tried, stage.again))

    cause = await installation.one("SELECT DISTINCT fingerprint FROM transactions WHERE state = 'failed'")
    await replay_so(installation.core.db, installation.clock, "application", cause, installation.clock(), wake, tell)
    return steps


async def test_canary_goes_on_while_it_gets_through(installation, application):
    await many_failures(installation, application)
    application.lift()
    assert await canary(installation) == [(1, 0), (5, 0), (25, 0), (29, 0)]
    assert set(await installation.states("application")) == {"succeeded"}


async def test_canary_stops_when_the_same_cause_comes_back(installation, application):
    await many_failures(installation, application)
    assert await canary(installation) == [(1, 1)]
    assert await attempts(installation) == 61


async def test_scheduled_replay_leaves_many_of_one_cause_to_a_canary(installation, application):
    await many_failures(installation, application)
    replayed = await installation.core.replaying().replay("application")
    assert (replayed.pending, len(replayed.many)) == (0, 1)


async def test_share_of_the_day_is_kept_from_replays(install, application):
    installation = install(systems={"application": {"rate": {"daily": 10, "replay_share": 0.5}}})
    mails = await planned(installation, 1)
    application.order("locked", only="write", records=mails)
    await installation.deliver("application")
    application.lift()
    for _ in range(4):
        await planned(installation)
        await installation.deliver("application")
    await installation.core.replaying().replay("application")
    installation.ahead += 2 * SECOND
    await installation.deliver("application")
    assert (await installation.states("application"))[0] == "pending"
    await planned(installation)
    await installation.deliver("application")
    assert (await installation.states("application"))[-1] == "succeeded"
    installation.ahead += 86_400 * SECOND
    await installation.deliver("application")
    assert (await installation.states("application"))[0] == "succeeded"


async def test_recover_announces_and_lists_everything_again(installation, application, broker):
    await many_failures(installation, application, 3)
    refused = (await installation.take("crm", b"not json")).rejected
    first = await installation.core.recovering().recover()
    again = await installation.core.recovering().recover()
    assert (first.announced, first.pointers) == (again.announced, again.pointers) == (3, len(refused))


def test_every_kind_of_system_that_has_a_limit_knows_it():
    assert connector_types()["hubspot"].rate == (100, 10.0)


async def test_looks_that_an_outage_put_off_are_answered_when_it_is_over(installation, crm):
    rows = crm.create([{"email": email(), "city": "Pune"} for _ in range(150)])
    await installation.take("crm", *(told("crm", row, None) for row in rows))
    crm.order("unavailable")
    for _ in range(8):
        assert (await installation.core.looks().look("crm")).down
        installation.ahead += 40 * SECOND
    crm.lift()
    installation.ahead += 300 * SECOND
    await installation.core.looks().look("crm")
    left = await installation.one("SELECT count(*) FROM looks")
    await installation.core.looks().look("crm")
    assert (left, await installation.one("SELECT count(*) FROM looks")) == (50, 0)
    assert await installation.one("SELECT count(*) FROM records") == 150


async def test_probe_that_has_nothing_left_to_write_keeps_nobody_waiting(installation, application):
    rows = [(fresh(), email()) for _ in range(5)]
    for city in ("Pune", "Goa"):
        told_of = [told("crm", row, contact(email=mail, city=city), id=f"{row}-{city}") for row, mail in rows]
        await installation.take("crm", *told_of)
        if city == "Pune":
            await installation.deliver("application")
    application.order("unavailable")
    await installation.deliver("application")
    application.lift()
    await installation.core.replaying().replay("application")
    stale = [told("crm", row, contact(email=mail, city="Pune"), id=f"{row}-back") for row, mail in rows]
    await installation.take("crm", *stale)  # back to what the application holds: nothing is left to write
    installation.ahead += 30 * SECOND
    await installation.deliver("application")
    assert not await down(installation)
    assert set(await installation.states("application")) <= {"succeeded", "superseded"}


async def test_delivery_goes_on_when_the_ledger_is_away_as_it_announces_failures(installation, application):
    core, stop = installation.core, asyncio.Event()
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    sweeping = Sweeping(away, core.catalog, core.publisher, core.clock)
    role = DeliveryRole("application", core.delivery(), sweeping, hints_of(core), concurrency=1, linger=0.0)
    application.order("record_error", records=await planned(installation))
    running = asyncio.create_task(role.run(stop))
    async with asyncio.timeout(30):
        while await installation.states("application") != ["failed"]:
            await asyncio.sleep(0.05)
        await planned(installation)
        while await installation.states("application") != ["failed", "succeeded"]:
            await asyncio.sleep(0.05)
    stop.set()
    await running
