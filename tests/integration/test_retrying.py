"""Retried by hand: failed and parked alike, one attempt more, nothing reset; and foretold as it then comes."""

import asyncio

import pytest

from sync_system.domain.transactions import State
from sync_system.errors import NotFound
from sync_system.ledger.repairs import Selection
from sync_system.services.finding import find
from sync_system.services.forecast import Forecasting, Kind
from sync_system.services.parking import Parking
from sync_system.services.retrying import Retrying, named
from tests.integration.installation import SECOND, contact, told
from tests.integration.repairing import counted, failed, ids, parked, planned


def retrying(core):
    return Retrying(core.db, core.clock)


def forecasting(core):
    return Forecasting(core.db, core.catalog, core.clock)


async def retry(installation, **selection):
    return await retrying(installation.core).retry(Selection(**selection))


async def forecast(installation, limit=20, **selection):
    return await forecasting(installation.core).forecast(Selection(**selection), limit)


def kinds(made):
    return {kind: count for (_, kind), count in made.counts.items()}


async def test_failed_and_parked_come_through_by_hand(installation, application):
    await failed(installation, application, 3)
    await parked(installation, application, 2)
    retried = await retry(installation, system="application")
    assert (dict(retried.moved), dict(retried.came_from)) == ({"application": 5}, {"failed": 3, "parked": 2})
    await installation.deliver("application")
    assert await installation.states("application") == ["succeeded"] * 5
    story = """SELECT DISTINCT "trigger" FROM results WHERE outcome = 'ok' """
    assert await installation.rows(story) == ["manual"]
    by_counters, by_rows = await counted(installation)
    assert by_counters == by_rows


async def test_retry_grants_one_attempt_and_resets_nothing(installation, application):
    await parked(installation, application)
    before = await installation.one("SELECT attempts, failing_since FROM transactions")
    await retry(installation, system="application")
    after = await installation.one("SELECT attempts, failing_since, allowed, state FROM transactions")
    assert after == (*before, 1, "pending")


async def test_spent_transaction_is_parked_again_after_one_more(install, application):
    installation = install(systems={"application": {"replay": {"max_attempts": 1}}})
    [(_, mail)] = await failed(installation, application)
    await installation.core.replaying().replay("application")
    assert await installation.states("application") == ["parked"]
    application.order("locked", only="write", records=[mail])
    await retry(installation, ids=await ids(installation))
    await installation.deliver("application")
    assert await installation.one("SELECT state, attempts, allowed FROM transactions") == ("failed", 2, 1)
    await installation.core.replaying().replay("application")
    assert await installation.states("application") == ["parked"]


async def test_selection_takes_what_fits_all_conditions(installation, application):
    await parked(installation, application, 2)
    installation.ahead += 3_600 * SECOND
    await failed(installation, application, 3)
    locks = await installation.one("SELECT DISTINCT fingerprint FROM transactions WHERE state = 'failed'")
    count = retrying(installation.core).count
    since = installation.clock() - 1_800 * SECOND
    assert await count(Selection(fingerprint=locks)) == await count(Selection(since=since)) == 3
    assert await count(Selection(system="crm")) == await count(Selection(ids=[])) == 0
    assert await count(Selection()) == 5


async def test_what_moved_on_is_left_alone(installation, application):
    await failed(installation, application, 2)
    await retry(installation, system="application")
    await installation.deliver("application")
    retried = await retry(installation, ids=await ids(installation))
    assert (retried.moved.total(), retried.overtaken) == (0, 2)


async def test_several_hundred_are_retried_in_chunks(installation, application):
    await failed(installation, application, 1_100)
    assert (await retry(installation, system="application")).moved["application"] == 1_100
    assert (await installation.deliver("application")).outcomes == {"ok": 1_100}


async def test_two_people_at_once_retry_once(installation, application):
    await failed(installation, application, 30)
    others = [installation.another() for _ in range(3)]
    retried = await asyncio.gather(*(retrying(core).retry(Selection(system="application")) for core in others))
    assert sum(one.moved.total() for one in retried) == 30
    assert await installation.rows("SELECT DISTINCT allowed FROM transactions") == [1]


async def test_retry_and_replay_at_once_move_each_once(installation, application):
    await failed(installation, application, 60)
    other = installation.another()
    await asyncio.gather(retry(installation, system="application"), other.replaying().replay("application"))
    by_counters, by_rows = await counted(installation)
    assert by_counters == by_rows == [("pending", 60)]


async def test_forecast_foretells_what_then_happens(installation, application):
    people = await failed(installation, application, 4, city="Pune")
    made = await forecast(installation, system="application")
    assert kinds(made) == {Kind.CREATE: 4}
    assert made.listed[0].changes == {
        "email": (None, people[0][1]), "firstName": (None, "Asha"), "city": (None, "Pune"),
    }  # fmt: skip
    await retry(installation, system="application")
    await installation.deliver("application")
    stored = [lead for lead in application.leads() if lead["email"] == people[0][1]]
    assert {name: stored[0][name] for name in ("email", "firstName", "city")} == {
        name: new for name, (_, new) in made.listed[0].changes.items()
    }


async def test_forecast_shows_old_and_new_of_an_update(installation, application):
    [(row, mail)] = await planned(installation, city="Pune")
    await installation.deliver("application")
    application.order("locked", only="write", records=[mail])
    edited = contact(email=mail, firstname="Asha", city="Goa")
    await installation.take("crm", told("crm", row, edited, verb="updated", at=installation.clock()))
    await installation.deliver("application")
    [one] = (await forecast(installation, system="application")).listed
    assert (one.kind, one.changes, one.look) == (Kind.UPDATE, {"city": ("Pune", "Goa")}, False)
    assert one.external_id is not None


async def test_forecast_changes_nothing(installation, application):
    await failed(installation, application, 3)
    tables = ("records", "links", "transactions", "results", "attempts", "counters", "causes")
    before = [await installation.rows(f"SELECT * FROM {table}") for table in tables]
    application.forget_calls()
    await forecast(installation)
    assert [await installation.rows(f"SELECT * FROM {table}") for table in tables] == before
    assert sum(application.count_calls().values()) == 0


async def test_forecast_tells_what_the_mapping_refuses(install, application):
    installation = install(systems={"application": {"lead": {"fields": {"city": {"name": "city", "max_length": 3}}}}})
    await planned(installation, 2, city="Bengaluru")
    await installation.deliver("application")
    made = await forecast(installation)
    assert kinds(made) == {Kind.REFUSED: 2}
    assert "has 9 characters" in made.listed[0].reason


async def test_forecast_tells_of_what_was_overtaken(installation, application):
    await failed(installation, application, 2)
    [first, _] = await ids(installation)
    await retry(installation, ids=[first])
    made = await forecast(installation, ids=await ids(installation))
    assert kinds(made) == {Kind.OVERTAKEN: 1, Kind.CREATE: 1}
    assert made.listed[0].reason == "is pending"


async def test_forecast_tells_of_a_look_in_doubt(installation, application):
    [(_, mail)] = await planned(installation)
    application.order("lost_reply", only="write", times=1)
    application.order("unavailable")
    await installation.deliver("application")
    assert (await installation.states("application"), bool(mail)) == (["failed"], True)
    [one] = (await forecast(installation)).listed
    assert (one.kind, one.look) == (Kind.CREATE, True)


async def test_forecast_lists_no_more_than_asked(installation, application):
    await failed(installation, application, 5)
    made = await forecast(installation, limit=2)
    assert (made.counts.total(), len(made.listed)) == (5, 2)


async def test_names_of_all_kinds_find_the_same_lead(installation, application):
    [(row, mail)] = await failed(installation, application, phone="098765 43210")
    [id] = await ids(installation)
    record = await installation.one("SELECT id FROM records")
    core = installation.core
    dashed = f"{record[:8]}-{record[8:12]}-{record[12:16]}-{record[16:20]}-{record[20:]}"
    for name in (str(id), record, dashed.upper(), f"crm:{row}", mail.upper(), "+91 98765 43210", "09876543210"):
        assert (await find(core.db, core.catalog, name)).record == record
        assert await named(core.db, core.catalog, [name]) == [id]


@pytest.mark.parametrize("name", ["nobody@example.com", "0", "99999999999999999999999", "crm:0", "mars:1", "", "-"])
async def test_unknown_name_is_said_so(installation, name):
    with pytest.raises(NotFound, match="name a transaction's id"):
        await find(installation.core.db, installation.core.catalog, name)


async def test_parked_by_hand_waits_with_its_reason(installation, application):
    [(row, mail)] = await planned(installation)
    core = installation.core
    parking = Parking(core.db, core.catalog, core.clock)
    assert await parking.park(await ids(installation), "asked by the customer") == 1
    assert (await installation.deliver("application")).claimed == 0
    assert await installation.one("SELECT state, error FROM transactions") == ("parked", "asked by the customer")
    same = contact(email=mail, firstname="Asha", hubspot_owner_id="9")
    await installation.take("crm", told("crm", row, same, verb="updated", at=installation.clock()))
    assert await installation.states("application") == ["parked"]
    edited = contact(email=mail, firstname="Usha")
    await installation.take("crm", told("crm", row, edited, verb="updated", at=installation.clock()))
    assert await installation.states("application") == ["pending"]
    by_counters, by_rows = await counted(installation)
    assert by_counters == by_rows


async def test_what_is_done_cannot_be_parked(installation, application):
    await planned(installation, 2)
    await installation.deliver("application")
    core = installation.core
    assert await Parking(core.db, core.catalog, core.clock).park(await ids(installation), "too late") == 0
    assert await named(core.db, core.catalog, [str((await ids(installation))[0])], [State.PENDING]) != []


async def test_parking_and_claims_at_once_leave_each_to_one(installation, application):
    await planned(installation, 40)
    core, other = installation.core, installation.another()
    parking = Parking(core.db, core.catalog, core.clock)
    parked_count, claims = await asyncio.gather(
        parking.park(await ids(installation), "wait"), other.delivery().claim("application")
    )
    assert parked_count + sum(claim.count for claim in claims) == 40
    by_counters, by_rows = await counted(installation)
    assert by_counters == by_rows
