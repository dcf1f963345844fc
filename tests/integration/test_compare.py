"""Whatever differs between two real systems and the ledger is found, and repaired by the rules."""

import pytest

from sync_system.services.compare import Comparing
from sync_system.services.differences import Kind
from tests.integration.two_systems import TwoSystems, between, lead, running


class Compared(TwoSystems):
    async def compare(self, *, repair=False):
        self.listed = []
        comparing = Comparing(self.core.db, self.core.catalog, self.core.connectors, self.core.clock)
        return await comparing.compare(self.listed.extend, repair=repair)

    @property
    def kinds(self):
        return sorted((one.system, one.kind, one.field) for one in self.listed)


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    with running(tmp_path_factory.mktemp("systems")) as both:
        yield both


@pytest.fixture
async def installation(systems, database_url):
    async with between(systems, database_url, Compared) as installation:
        yield installation


async def test_nothing_differs_after_a_sync(installation):
    await installation.synced("ada", "bob")
    found = await installation.compare()
    assert found.equal
    assert installation.listed == []
    assert found.records == {"lead": 2}
    assert [(one.system, one.rows, one.linked) for one in found.compared] == [("application", 2, 2), ("crm", 2, 2)]


async def test_edit_that_nobody_told_of_is_found_and_carried_over(installation):
    (id,) = await installation.synced("ada")
    installation.crm.edit({installation.contact("ada")["id"]: {"firstname": "Augusta"}})
    found = await installation.compare(repair=True)
    assert not found.equal
    assert installation.kinds == [("crm", Kind.UNSEEN, "first_name"), ("crm", Kind.WANTED, "first_name")]
    (unseen,) = [one for one in installation.listed if one.kind is Kind.UNSEEN]
    assert (unseen.expected, unseen.found) == ("Ada", "Augusta")
    await installation.settle()
    assert (await installation.compare()).equal
    assert [row["firstName"] for row in installation.application.leads() if row["id"] == id] == ["Augusta"]


async def test_row_that_nobody_told_of_is_found_and_taken_in(installation):
    installation.crm.create([{"email": "eve@example.com", "firstname": "Eve"}])
    await installation.compare(repair=True)
    assert installation.kinds == [("crm", Kind.UNLINKED, None)]
    await installation.settle()
    assert (await installation.compare()).equal
    assert [row["email"] for row in installation.application.leads()] == ["eve@example.com"]


async def test_deletion_that_nobody_told_of_is_found_and_kept(installation):
    await installation.synced("ada")
    installation.crm.delete([installation.contact("ada")["id"]])
    await installation.compare(repair=True)
    assert installation.kinds == [("crm", Kind.MISSING, None)]
    await installation.settle()
    assert (await installation.compare()).equal
    assert installation.crm.contacts() == []


async def test_record_that_was_not_delivered_yet_is_absent(installation):
    (id,) = installation.application.create([lead("ada")])
    await installation.report(id)
    found = await installation.compare()
    (one,) = installation.listed
    assert (one.system, one.kind, one.open) == ("crm", Kind.ABSENT, "pending")
    assert found.open == {"lead": {("crm", "pending"): 1}}


async def test_record_without_a_plan_is_planned_again(installation):
    (id,) = installation.application.create([lead("ada")])
    await installation.report(id)
    async with installation.core.db.write() as sql:
        await sql.connection.exec_driver_sql("DELETE FROM transactions")
    await installation.compare(repair=True)
    assert [(one.kind, one.open) for one in installation.listed] == [(Kind.ABSENT, None)]
    await installation.settle()
    assert (await installation.compare()).equal


async def test_row_that_is_held_is_counted_and_no_difference(installation):
    await installation.synced("ada")
    (twin,) = installation.application.create([lead("ada")])
    await installation.report(twin)
    found = await installation.compare()
    assert found.equal
    application = found.compared[0]
    assert (application.system, application.rows, application.linked, application.held) == ("application", 2, 1, 1)


async def test_comparing_changes_nothing_by_itself(installation):
    await installation.synced("ada")
    installation.crm.edit({installation.contact("ada")["id"]: {"firstname": "Augusta"}})
    await installation.compare()
    await installation.settle()
    assert not (await installation.compare()).equal
    assert installation.application.leads()[0]["firstName"] == "Ada"
