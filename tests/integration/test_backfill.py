"""A system brought up to date after the configuration has changed, from what the others hold and what is known."""

import pytest

from sync_system.errors import ConfigurationError, ReadingStopped
from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.sandbox.stack import define_properties

SYSTEMS = ("application", "crm")
WITHOUT = {"systems": {"crm": {"lead": {"fields": {"exhibition": None}}}}}
NEITHER = {"systems": {name: {"lead": {"fields": {"exhibition": None}}} for name in SYSTEMS}}


@pytest.fixture
def application(tmp_path):
    with PretendApplication(tmp_path / "application") as application:
        yield application


@pytest.fixture
def crm(tmp_path):
    with PretendCrm(tmp_path / "crm") as crm:
        define_properties(crm)
        yield crm


def quiet(what, count):
    pass


async def backfilled(installation, system="crm", fields=()):
    filling = installation.core.backfilling()
    run = await filling.fill(await filling.begin("lead", system, fields), quiet)
    await installation.settle()
    return run


async def synced(install, application, changes, count=5):
    """Let leads stand in both systems, by a configuration without some field."""
    installation = install(**changes)
    leads = [{"email": f"p{i}@example.com", "stage": "N", "exhibition": "Auto Expo"} for i in range(count)]
    application.create(leads)
    await backfilled(installation)
    return installation


def standing(crm):
    return [person["properties"].get("exhibition") for person in crm.contacts()]


async def test_new_system_gets_every_lead_once(install, application, crm):
    await synced(install, application, {}, count=250)
    assert len(crm.contacts()) == 250
    crm.forget_calls()
    run = await backfilled(install())
    assert (run.report["planned"], crm.count_calls()["write"]) == (0, 0)


@pytest.mark.parametrize("changes", [WITHOUT, NEITHER], ids=["in one system", "in both"])
async def test_field_that_is_new_reaches_the_system(install, application, crm, changes):
    await synced(install, application, changes)
    assert standing(crm) == [None] * 5
    estimate = await install().core.backfilling().estimate("lead", "crm", ["exhibition"])
    assert (estimate.records, estimate.rows) == (5, 5)
    await backfilled(install(), fields=["exhibition"])
    assert standing(crm) == ["Auto Expo"] * 5


async def test_what_the_system_holds_in_a_new_field_is_kept(install, application, crm):
    await synced(install, application, NEITHER, count=1)
    [person] = crm.contacts()
    crm.edit({person["id"]: {"exhibition": "Tech Summit"}})
    await backfilled(install(), fields=["exhibition"])
    [lead] = application.leads()
    assert (lead["exhibition"], standing(crm)) == ("Tech Summit", ["Tech Summit"])


async def test_backfill_that_stops_goes_on_from_its_page(install, application, crm):
    await synced(install, application, NEITHER, count=390)
    installation = install()
    filling = installation.core.backfilling()

    def fail_behind_the_first_page(what, count):
        if what == "rows of application" and count == 200:
            application.order("status", status=500)

    run = await filling.begin("lead", "crm", ["exhibition"])
    with pytest.raises(ReadingStopped, match="reading application stopped behind 200 rows"):
        await filling.fill(run, fail_behind_the_first_page)
    application.lift()
    application.forget_calls()
    again = await filling.begin("lead", "crm", ["exhibition"])
    assert again.id == run.id
    await installation.settle()
    await filling.fill(again, quiet)
    await installation.settle()
    assert standing(crm) == ["Auto Expo"] * 390


async def test_field_that_is_not_mapped_is_refused(install, application, crm):
    with pytest.raises(ConfigurationError, match=r"crm maps no lead\.shoe_size"):
        await install().core.backfilling().begin("lead", "crm", ["shoe_size"])
