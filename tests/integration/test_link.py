"""Two systems that were filled apart: who is who in them, and how they become one without a row too many."""

import asyncio

import pytest

from sync_system.errors import ConfigurationError, NotFound, ReadingStopped, RunTaken
from sync_system.ledger import runs as ledger_runs
from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.stack import define_properties
from sync_system.services import runs
from sync_system.services.compare import Comparing
from sync_system.services.linking import Wishes
from tests.integration.installation import SECOND, contact, told

SYSTEMS = ("application", "crm")


@pytest.fixture
def application(tmp_path):
    with PretendApplication(tmp_path / "application") as application:
        yield application


@pytest.fixture
def crm(tmp_path):
    with PretendCrm(tmp_path / "crm") as crm:
        define_properties(crm)
        crm.forget_calls()
        yield crm


def quiet(what, count):
    pass


async def dry(installation, wishes=None, **more):
    """Begin a run and read both systems."""
    one = installation.core.linking()
    return await one.read(await one.begin("lead", SYSTEMS), wishes or Wishes(**more), quiet)


async def linked(installation, **wishes):
    """Read, apply, and let everything be delivered."""
    run = await dry(installation, **wishes)
    run = await installation.core.linking().apply(run, Wishes(**wishes), quiet)
    await installation.settle()
    return run


async def differences(installation):
    found = []
    core = installation.core
    await Comparing(core.db, core.catalog, core.connectors, core.clock).compare(found.extend)
    return found


def ours(email, **more):
    return {"email": email, "firstName": "Asha", "stage": "N", **more}


def theirs(email, **more):
    return {"email": email, "firstname": "Asha", "hs_lead_status": "NEW", **more}


NARROW = {"systems": {"crm": {"lead": {"fields": {"status": {"inbound": None}}}}}}


async def test_dry_run_tells_who_is_who_and_writes_nothing(install, application, crm):
    installation = install(**NARROW)
    application.create(
        [
            ours("Ann@Example.com ", phone="098765 43210"),
            ours("ben@example.com", phone="+919876500001"),
            ours("only.here@example.com"),
            ours("twice@example.com"),
            ours("TWICE@example.com"),
            ours("cross@example.com", phone="+919876500002"),
        ]
    )
    crm.create(
        [
            theirs("ann@example.com", phone="+91 98765 43210"),
            theirs("ben.private@example.com", phone="09876500001"),
            theirs("only.there@example.com"),
            theirs("twice@example.com"),
            theirs("cross@example.com"),
            theirs("other@example.com", phone="9876500002"),
            theirs("odd@example.com", hs_lead_status="BAD_TIMING"),
        ]
    )
    application.forget_calls()
    crm.forget_calls()
    report = (await dry(installation)).report
    assert (report["rows"], report["pairs"], report["equal"]) == ({"application": 6, "crm": 7}, 2, 1)
    assert report["fields"]["email"]["differ"] == 1
    assert [report[name] for name in ("only", "ambiguous", "refused")] == [
        {"application": 1, "crm": 1},
        {"application": 3, "crm": 3},
        {"application": 0, "crm": 1},
    ]
    assert [one.count_calls()["write"] for one in (application, crm)] == [0, 0]
    assert await installation.rows("SELECT id FROM records UNION SELECT external_id FROM held") == []


async def test_applied_run_links_pairs_and_creates_each_lead_once(installation, application, crm):
    application.create([ours(f"p{i}@example.com", city="Pune") for i in range(30)])
    crm.create([theirs(f"P{i}@Example.com", company="Rao & Co") for i in range(20, 50)])
    run = await linked(installation)
    assert run.report["done"] == {"linked": 10, "created": 40, "held": 0}
    assert (len(application.leads()), len(crm.contacts())) == (50, 50)
    assert await differences(installation) == []
    pair = next(lead for lead in application.leads() if lead["email"].lower() == "p25@example.com")
    assert (pair["city"], pair["company"]) == ("Pune", "Rao & Co")


async def test_rows_nobody_can_tell_apart_wait_for_a_person(installation, application, crm):
    application.create([ours("twice@example.com"), ours("twice@example.com"), ours("fine@example.com")])
    [row] = crm.create([theirs("twice@example.com")])
    await linked(installation)
    assert await installation.one("SELECT count(*) FROM held WHERE run IS NOT NULL") == 3
    assert (len(application.leads()), len(crm.contacts())) == (3, 2)
    edit = told("crm", row, contact(email="twice@example.com", phone=None), verb="updated")
    assert dict((await installation.take("crm", edit)).taken.outcomes) == {"held": 1}


@pytest.mark.parametrize(
    ("prefer", "stays"),
    [("newest", ("Delhi", "Delhi")), ("application", ("Pune", "Pune")), ("blank-only", ("Pune", "Delhi"))],
)
async def test_value_that_stays_is_chosen(installation, application, crm, prefer, stays):
    application.create([ours("ann@example.com", city="Pune")])
    await asyncio.sleep(0.005)  # the CRM's clock counts milliseconds
    crm.create([theirs("ann@example.com", city="Delhi", company="Rao & Co")])
    await linked(installation, prefer=prefer)
    [lead], [person] = application.leads(), crm.contacts()
    assert (lead["city"], person["properties"]["city"]) == stays
    assert lead["company"] == "Rao & Co"
    assert await differences(installation) == []


@pytest.mark.parametrize(("create", "standing"), [("none", (1, 1)), ("crm", (1, 2)), ("application", (2, 1))])
async def test_side_that_gets_what_it_lacks_is_chosen(installation, application, crm, create, standing):
    application.create([ours("ann@example.com")])
    crm.create([theirs("ben@example.com")])
    await linked(installation, create=create)
    assert (len(application.leads()), len(crm.contacts())) == standing


async def test_reading_that_stops_goes_on_from_its_page(installation, application, crm):
    application.create([ours(f"p{i}@example.com") for i in range(5)])
    crm.create([theirs(f"p{i}@example.com") for i in range(250)])
    one = installation.core.linking()
    run = await one.begin("lead", SYSTEMS)
    pages = []

    def fail_at_the_second_page(what, count):
        pages.append((what, count))
        if what == "crm" and count == 100:
            crm.order("status", status=500, only="read")

    with pytest.raises(ReadingStopped, match=r"reading crm stopped behind page 1 \(100 rows\)"):
        await one.read(run, Wishes(), fail_at_the_second_page)
    crm.lift()
    crm.forget_calls()
    run = await one.find("lead", SYSTEMS, None)
    run = await one.read(run, Wishes(), quiet)
    assert (run.report["rows"], run.report["pairs"]) == ({"application": 5, "crm": 250}, 5)
    assert crm.count_calls()["read"] == 2


async def test_place_that_is_forgotten_counts_nothing_twice(installation, application, crm):
    crm.create([theirs(f"p{i}@example.com") for i in range(150)])
    one = installation.core.linking()
    run = await one.begin("lead", SYSTEMS)

    def stop(what, count):
        if count == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await one.read(run, Wishes(), stop)
    progress = dict((await one.find("lead", SYSTEMS, run.id)).progress)
    progress["crm"] |= {"next": "no such place"}
    async with installation.core.db.write() as sql:
        await ledger_runs.note(sql, run.id, installation.clock(), progress=progress)
    run = await one.read(await one.find("lead", SYSTEMS, run.id), Wishes(), quiet)
    assert (run.report["rows"]["crm"], run.report["only"]["crm"]) == (150, 150)


async def test_apply_that_is_stopped_goes_on_and_doubles_nothing(installation, application, crm):
    application.create([ours(f"p{i}@example.com") for i in range(450)])
    crm.create([theirs(f"p{i}@example.com", city="Pune") for i in range(400)])
    run = await dry(installation)

    def stop(what, count):
        if count == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await installation.core.linking().apply(run, Wishes(), stop)
    assert await installation.one("SELECT count(*) FROM records") == 200
    again = installation.core.linking()
    run = await again.find("lead", SYSTEMS, None)
    assert run.state == "applying"
    applying = asyncio.create_task(again.apply(run, Wishes(), quiet))
    while not applying.done():
        await installation.settle()
        await asyncio.sleep(0.05)
    assert (await applying).report["done"] == {"linked": 400, "created": 50, "held": 0}
    await installation.settle()
    assert (len(application.leads()), len(crm.contacts())) == (450, 450)
    assert await differences(installation) == []


async def test_edit_made_since_the_reading_wins(installation, application, crm):
    [row] = application.create([ours("ann@example.com", city="Pune")])
    crm.create([theirs("ann@example.com", city="Delhi")])
    run = await dry(installation)
    application.edit({row: {"city": "Goa"}})
    await installation.core.linking().apply(run, Wishes(), quiet)
    [lead] = application.leads()
    edit = told("application", row, {**ours("ann@example.com", city="Goa"), "key": None}, verb="updated")
    await installation.take("application", edit)
    await installation.settle()
    assert (lead["city"], crm.contacts()[0]["properties"]["city"]) == ("Goa", "Goa")


async def test_unlink_takes_links_back_and_touches_no_row(installation, application, crm):
    application.create([ours(f"p{i}@example.com") for i in range(3)])
    crm.create([theirs(f"p{i}@example.com") for i in range(4)])
    run = await linked(installation)
    application.forget_calls()
    crm.forget_calls()
    await installation.core.unlinking().unlink(run, quiet)
    assert [await installation.one(f"SELECT count(*) FROM {t}") for t in ("links", "records", "matches")] == [0, 0, 0]
    assert [sum(one.count_calls().values()) for one in (application, crm)] == [0, 0]
    again = await linked(installation)
    assert again.report["done"]["linked"] == 4
    assert (len(application.leads()), len(crm.contacts())) == (4, 4)


async def test_unlink_leaves_what_was_linked_before(installation, application, crm):
    application.create([ours("ann@example.com")])
    crm.create([theirs("ann@example.com")])
    await linked(installation)
    application.create([ours("ben@example.com")])
    second = await linked(installation)
    assert (second.report["linked"], second.report["done"]["created"]) == (1, 1)
    await installation.core.unlinking().unlink(second, quiet)
    assert await installation.one("SELECT count(*) FROM links") == 2
    assert await installation.one("SELECT count(*) FROM records") == 1


async def test_run_that_has_linked_nothing_cannot_be_taken_back(installation, application, crm):
    run = await dry(installation)
    with pytest.raises(NotFound, match="has linked nothing"):
        await installation.core.unlinking().unlink(run, quiet)


async def test_one_process_at_a_time_works_on_a_run(installation, application, crm, monkeypatch):
    monkeypatch.setattr(runs, "LEASE", SECOND)
    run = await dry(installation)
    async with installation.core.linking().runs.taken(run):
        with pytest.raises(RunTaken):
            await installation.another().linking().apply(run, Wishes(), quiet)
    await installation.another().linking().apply(run, Wishes(), quiet)


@pytest.mark.parametrize(
    ("systems", "message"), [(("application", "application"), "two sides"), (("application", "sap"), "sap")]
)
async def test_systems_that_cannot_be_linked_are_refused(installation, application, crm, systems, message):
    with pytest.raises(ConfigurationError, match=message):
        await installation.core.linking().begin("lead", systems)
