"""What is delivered: once, by whoever holds the claim, with every outcome settled record by record."""

import asyncio

import pytest

from sync_system.domain.outcomes import OutcomeClass
from sync_system.ledger.claims import Wish, claim
from sync_system.ledger.counters import Tally
from sync_system.services.clock import now
from tests.integration.installation import SECOND, Statements, contact, document, email, fresh, told

BULK = "/leads/bulk"


def person(mail=None, **more):
    """Return a contact of the CRM's that carries no key of ours, as its events tell of it."""
    return contact(email=mail or email(), firstname="Asha", **more)


async def planned(installation, count=1, **more):
    """Let the CRM tell of new contacts, so that the application lacks them; return their emails."""
    emails = [email() for _ in range(count)]
    await installation.take("crm", *(told("crm", fresh(), person(mail, **more)) for mail in emails))
    return emails


def standing(application, emails):
    """Return the application's leads with these emails."""
    return [lead for lead in application.leads() if lead["email"] in set(emails)]


async def until(condition, seconds=30):
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


async def test_records_reach_the_other_system_in_one_call(installation, application):
    emails = await planned(installation, 150)
    progress = await installation.deliver("application")
    assert (progress.claimed, progress.calls, dict(progress.outcomes)) == (150, 1, {"ok": 150})
    rows = standing(application, emails)
    records = await installation.rows("SELECT record FROM links WHERE system = 'application'")
    assert sorted(row["key"] for row in rows) == sorted(records)
    assert await installation.states("application") == ["succeeded"] * 150


async def test_our_own_write_comes_back_as_no_change(installation, application):
    emails = await planned(installation)
    await installation.deliver("application")
    [row] = standing(application, emails)
    data = {name: row[name] for name in ("key", "email", "firstName", "city")}
    taken = await installation.take("application", told("application", row["id"], data, at=now()))
    assert (dict(taken.taken.outcomes), taken.taken.destinations) == ({"no_change": 1}, set())
    assert await installation.rows("SELECT id FROM transactions WHERE destination = 'crm'") == []


async def test_edits_during_an_outage_become_one_call(installation, application):
    row, mail = fresh(), email()
    await installation.take("crm", told("crm", row, person(mail)))
    await installation.deliver("application")
    for number in range(20):
        edit = {"city": f"City {number}", "firstname": f"Name {number}"}
        await installation.take("crm", told("crm", row, person(mail) | edit, verb="updated", at=now() + number))
    application.forget_calls()
    progress = await installation.deliver("application")
    [lead] = standing(application, [mail])
    assert (progress.claimed, application.count_calls()["write"]) == (1, 1)
    assert (lead["city"], lead["firstName"]) == ("City 19", "Name 19")


async def test_dead_workers_batch_makes_no_second_row(installation, application):
    emails = await planned(installation, 20)
    application.order("hang_after", only="write", path=BULK, times=1)
    worker = asyncio.create_task(installation.core.delivery().deliver("application"))
    await until(lambda: len(standing(application, emails)) == 20)
    worker.cancel()
    await asyncio.wait([worker])
    assert set(await installation.states("application")) == {"processing"}
    assert (await installation.deliver("application")).claimed == 0  # the lease still holds
    assert await installation.expire("application") == 20
    assert dict((await installation.deliver("application")).outcomes) == {}
    assert len(standing(application, emails)) == 20
    assert await installation.states("application") == ["superseded"] * 20
    assert await installation.one("SELECT count(*) FROM links WHERE external_id IS NOT NULL") == 40


async def test_dead_workers_unsent_batch_is_delivered(installation, application):
    emails = await planned(installation, 20)
    application.order("hang_before", only="write", path=BULK, times=1)
    worker = asyncio.create_task(installation.core.delivery().deliver("application"))
    await until(lambda: not application.faults())
    worker.cancel()
    await asyncio.wait([worker])
    assert standing(application, emails) == []
    await installation.expire("application")
    assert dict((await installation.deliver("application")).outcomes) == {"ok": 20}
    assert len(standing(application, emails)) == 20


async def test_late_worker_settles_nothing(installation, application):
    emails = await planned(installation, 5)
    application.order("slow", only="write", path=BULK, times=1, seconds=1.5)
    late = asyncio.create_task(installation.core.delivery().deliver("application"))
    await until(lambda: not application.faults())
    await installation.expire("application")
    assert dict((await installation.deliver("application")).outcomes) == {"ok": 5}
    links = await installation.rows("SELECT record, external_id, revision, state FROM links ORDER BY record, system")
    assert dict((await late).outcomes) == {}
    again = await installation.rows("SELECT record, external_id, revision, state FROM links ORDER BY record, system")
    assert (again, await installation.states("application")) == (links, ["succeeded"] * 5)
    settled = """SELECT DISTINCT count(*) FROM results WHERE outcome = 'ok' GROUP BY "transaction" """
    assert await installation.rows(settled) == [1]
    assert len(standing(application, emails)) == 5


async def test_worker_whose_lease_is_over_sends_nothing(installation, application):
    await planned(installation, 5)
    delivery = installation.core.delivery()
    claim = delivery.claim

    async def slow_claim(destination):
        claims = await claim(destination)
        installation.ahead += delivery.lanes[destination].lease + SECOND
        return claims

    delivery.claim = slow_claim
    progress = await delivery.deliver("application")
    assert (progress.claimed, progress.calls, application.count_calls()["write"]) == (5, 0, 0)


async def test_record_that_kills_its_workers_ends_failed(installation, application):
    await planned(installation)
    for expected in ("pending", "pending", "failed"):
        claim = await installation.core.delivery().claim("application")
        assert [one.count for one in claim] == [1]
        await installation.expire("application")
        assert await installation.states("application") == [expected]
    assert await installation.one("SELECT attempts FROM transactions") == 1


async def test_lost_reply_makes_no_second_row(installation, application):
    emails = await planned(installation, 10)
    application.order("lost_reply", only="write", path=BULK, times=1)
    await installation.deliver("application")
    assert len(standing(application, emails)) == 10
    assert set(await installation.states("application")) <= {"succeeded", "superseded"}
    assert await installation.one("SELECT sum(attempts) FROM transactions") == 0


async def test_claims_never_overlap(installation):
    await planned(installation, 300)
    workers = [installation.another() for _ in range(4)]

    async def claim_all(core, seed):
        mine = []
        for turn in range(1_000):
            async with core.db.write() as sql:
                ids = await claim(sql, Wish("application", 7, seed + turn, now() + SECOND), Tally())
            if not ids:
                return mine
            mine += ids.values()
        return mine

    claimed = await asyncio.gather(*(claim_all(core, i * 10_000) for i, core in enumerate(workers)))
    everything = [id for mine in claimed for id in mine]
    assert len(everything) == len(set(everything)) == 300


async def test_planners_and_claimers_at_once_process_nothing_twice(installation, application):
    people = [(fresh(), email()) for _ in range(60)]
    await installation.take("crm", *(told("crm", row, person(mail)) for row, mail in people))
    workers, editors = [installation.another() for _ in range(3)], [installation.another() for _ in range(2)]
    done = asyncio.Event()

    async def edit(core, field):
        for turn in range(8):
            bodies = [
                told("crm", row, person(mail) | {field: f"{field} {turn}"}, verb="updated", at=now(), changes=True)
                for row, mail in people
            ]
            await core.ingest().take("crm", bodies)

    async def deliver(core):
        delivery = core.delivery()
        while (await delivery.deliver("application")).claimed or not done.is_set():
            await asyncio.sleep(0)

    async def edit_all():
        try:
            await asyncio.gather(edit(editors[0], "city"), edit(editors[1], "jobtitle"))
        finally:
            done.set()

    await asyncio.gather(edit_all(), *(deliver(core) for core in workers))
    await installation.deliver("application")
    leads = standing(application, [mail for _, mail in people])
    assert len(leads) == 60
    assert {(lead["city"], lead["jobTitle"]) for lead in leads} == {("city 7", "jobtitle 7")}
    assert await installation.rows("SELECT id FROM transactions WHERE state NOT IN ('succeeded', 'superseded')") == []
    counted = "SELECT value, sum(count) FROM counters WHERE name = 'delivered' GROUP BY value"
    recounted = "SELECT outcome, count(*) FROM results GROUP BY outcome"
    assert sorted(await installation.rows(counted)) == sorted(await installation.rows(recounted))


@pytest.mark.parametrize(
    ("fault", "state", "charged"),
    [
        ({"kind": "locked"}, "failed", 1),
        ({"kind": "record_error"}, "failed", 1),
        ({"kind": "unavailable"}, "failed", 0),
        ({"kind": "limited", "retry_after": 1}, "failed", 0),
        ({"kind": "expired_token"}, "failed", 0),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_failure_is_charged_to_whom_it_belongs(installation, application, fault, state, charged):
    [mail] = await planned(installation)
    ordered = {"records": [mail]} if fault["kind"] in {"locked", "record_error"} else {}
    application.order(**fault, **ordered, only="write")
    await installation.core.delivery().deliver("application")
    assert await installation.one("SELECT state, attempts FROM transactions") == (state, charged)


@pytest.mark.parametrize("fault", ["locked", "record_error", "poison"])
async def test_bad_record_fails_alone(installation, application, fault):
    emails = await planned(installation, 40)
    application.order(fault, only="write", records=[emails[17]])
    progress = await installation.deliver("application")
    assert progress.outcomes[OutcomeClass.OK] == 39
    assert {lead["email"] for lead in standing(application, emails)} == set(emails) - {emails[17]}
    assert sorted(await installation.states("application")) == ["failed"] + ["succeeded"] * 39


async def test_refused_value_is_parked_with_the_systems_sentence(installation, application):
    application.tune(required=("company",))
    emails = await planned(installation, 2)
    await installation.deliver("application")
    assert await installation.rows("SELECT DISTINCT state, attempts, error FROM transactions") == [
        ("parked", 1, "company is required")
    ]
    assert standing(application, emails) == []


async def test_value_without_a_counterpart_is_parked_with_its_reason(install, application):
    installation = install(
        systems={"application": {"lead": {"fields": {"status": {"name": "stage", "values": {"contacted": None}}}}}}
    )
    emails = await planned(installation, 3)
    await installation.take("crm", told("crm", fresh(), person(email(), hs_lead_status="CONNECTED")))
    await installation.deliver("application")
    assert sorted(await installation.states("application")) == ["parked"] + ["succeeded"] * 3
    error = await installation.one("SELECT error FROM transactions WHERE state = 'parked'")
    assert "status 'contacted' has no counterpart" in error
    assert len(standing(application, emails)) == 3


async def test_row_deleted_there_is_written_no_more(installation, application):
    row, mail = fresh(), email()
    await installation.take("crm", told("crm", row, person(mail)))
    await installation.deliver("application")
    [lead] = standing(application, [mail])
    application.delete([lead["id"]])
    await installation.take("application", told("application", lead["id"], None, verb="deleted", at=now()))
    await installation.take("crm", told("crm", row, person(mail, city="Pune"), verb="updated", at=now()))
    assert (await installation.deliver("application")).claimed == 0
    assert standing(application, [mail]) == []


async def test_row_that_went_unnoticed_becomes_a_tombstone(installation, application):
    row, mail = fresh(), email()
    await installation.take("crm", told("crm", row, person(mail)))
    await installation.deliver("application")
    [lead] = standing(application, [mail])
    application.delete([lead["id"]])
    await installation.take("crm", told("crm", row, person(mail, city="Pune"), verb="updated", at=now()))
    await installation.deliver("application")
    assert standing(application, [mail]) == []
    assert await installation.one("SELECT count(*) FROM transactions WHERE state = 'pending'") == 0


async def test_contact_with_the_same_email_is_adopted(installation, crm):
    mail = email()
    [existing] = crm.create([{"email": mail, "city": "Pune"}])
    await installation.take("application", told("application", fresh(), {"key": None, "email": mail, "firstName": "A"}))
    await installation.deliver("crm")
    [record] = await installation.rows("SELECT id FROM records")
    assert await installation.linked(record, "crm") == existing
    assert [c["properties"].get("firstname") for c in crm.contacts() if c["properties"]["email"] == mail] == ["A"]
    fields = document(await installation.one("SELECT fields FROM records"))
    assert fields["city"] == "Pune"


async def test_batch_of_creates_takes_few_statements(installation, application):
    installation.frozen_at = now()
    delivery = installation.core.delivery()
    await planned(installation, 200)
    for _ in range(2):
        await delivery.deliver("application")  # asks what is asked but once in a second
    await planned(installation, 200)
    with Statements(installation.core) as counted:
        progress = await delivery.deliver("application")
    assert progress.claimed == 200
    assert len(counted.statements) <= 20, counted.statements
    assert counted.commits == 3  # claimed, searched for before the create, settled


async def test_states_in_counters_equal_a_recount(installation, application):
    emails = await planned(installation, 30)
    application.order("locked", only="write", records=emails[:3])
    await installation.deliver("application")
    await installation.core.replaying().replay("application")
    states = """SELECT system, value, sum(count) FROM counters WHERE name = 'state'
        GROUP BY system, value HAVING sum(count) <> 0"""
    standing = "SELECT destination, state, count(*) FROM transactions GROUP BY destination, state"
    assert sorted(await installation.rows(states)) == sorted(await installation.rows(standing))


async def test_intents_of_the_past_are_forgotten_but_for_those_under_way(installation, application):
    await planned(installation, 3)
    await installation.deliver("application")
    await planned(installation)
    await installation.core.delivery().claim("application")
    installation.ahead += 2 * 86_400 * SECOND
    assert await installation.core.sweeping().forget() == 1
    under_way = (
        "SELECT count(*) FROM intents WHERE token IN (SELECT token FROM transactions WHERE state = 'processing')"
    )
    assert await installation.one(under_way) == await installation.one("SELECT count(*) FROM intents")
