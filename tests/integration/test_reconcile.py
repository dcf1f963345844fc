"""What was changed or deleted behind everybody's back is found in one round, and repaired by what is needed alone."""

import asyncio

import pytest

from sync_system.domain.rounds import Rhythm, Scope
from sync_system.ledger import rounds
from sync_system.services.differences import Kind
from tests.integration.two_systems import TwoSystems, between, lead, running

SECOND = 1_000_000
FULL = Rhythm(every=None, full=1)
QUICK = Rhythm(every=1, full=None)
NAMES = [f"person{number}" for number in range(1, 231)]


class Reconciled(TwoSystems):
    """Two systems that are reconciled when a test says so."""

    def rhythm(self, rhythm):
        self.core.rhythms.update(dict.fromkeys(self.core.rhythms, rhythm))

    async def round(self, system, rhythm=FULL, reconciling=None):
        """Draw one round in a system; return its pages."""
        self.rhythm(rhythm)
        reconciling, pages = reconciling or self.core.reconciling(), []
        while not (pages and pages[-1].ended):
            one = await reconciling.slice(system)
            if one.round is not None:
                pages.append(one)
            await asyncio.sleep(min(one.wait / SECOND, 0.01))
        return pages

    async def last(self, system, scope=Scope.EVERYTHING):
        """Return what the last round that ended has written down."""
        async with self.core.db.read() as sql:
            known = await rounds.read(sql)
        [one] = [r for r in known if (r.system, r.scope) == (system, scope) and r.ended_at is not None]
        return one.progress

    async def rounds(self, rhythm=FULL):
        """Draw one round in both systems, and let everything that it asked for be done."""
        for system in self.core.settings.systems:
            await self.round(system, rhythm)
        await self.settle()

    async def looks(self):
        async with self.core.db.read() as sql:
            return (await sql.connection.exec_driver_sql("SELECT count(*) FROM looks")).scalar_one()

    def forget_calls(self):
        self.crm.forget_calls()
        self.application.forget_calls()

    @property
    def written(self):
        return [each.count_calls()["records_written"] for each in (self.application, self.crm)]

    @property
    def equal(self):
        """Whether those that stand on both sides hold the same."""
        ours = {row["email"]: (row["firstName"], row["notes"]) for row in self.application.leads()}
        theirs = {
            each["properties"]["email"]: (each["properties"]["firstname"], each["properties"]["message"])
            for each in self.crm.contacts()
        }
        return all(ours[email] == theirs[email] for email in ours.keys() & theirs.keys())


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    with running(tmp_path_factory.mktemp("systems")) as both:
        yield both


@pytest.fixture
async def installation(systems, database_url):
    async with between(systems, database_url, Reconciled) as installation:
        yield installation


@pytest.mark.parametrize("rhythm", [FULL, QUICK], ids=["everything", "changes"])
async def test_edits_behind_both_backs_cost_what_is_needed(installation, rhythm):
    ids = await installation.synced(*NAMES)
    if rhythm is QUICK:
        await installation.rounds(QUICK)
    contacts = [installation.contact(name)["id"] for name in NAMES[100:200]]
    installation.application.edit({id: {"notes": "changed by staff"} for id in ids[:100]})
    installation.crm.edit({id: {"firstname": "Changed"} for id in contacts})
    installation.forget_calls()
    await installation.rounds(rhythm)
    assert installation.written == [100, 100]
    assert installation.equal
    assert [(await installation.last(s, scope_of(rhythm))).repaired for s in ("application", "crm")] == [
        {"unseen": 100},
        {"unseen": 100},
    ]


def scope_of(rhythm):
    return Scope.EVERYTHING if rhythm is FULL else Scope.CHANGES


async def test_deletes_behind_both_backs_are_noticed(installation):
    ids = await installation.synced(*NAMES[:30])
    installation.application.delete(ids[:10])
    installation.crm.delete([installation.contact(name)["id"] for name in NAMES[10:20]])
    installation.forget_calls()
    await installation.rounds()
    assert installation.written == [0, 0]
    found = [await installation.last(system) for system in ("application", "crm")]
    assert [one.repaired for one in found] == [{"missing": 10}, {"missing": 10}]
    await installation.rounds()
    found = [await installation.last(system) for system in ("application", "crm")]
    assert [(one.rows, one.found) for one in found] == [(20, {"consistent": 20}), (20, {"consistent": 20})]


async def test_equal_world_costs_no_write_and_no_look(installation):
    await installation.synced(*NAMES[:30])
    installation.forget_calls()
    for rhythm in (FULL, QUICK, FULL):
        for system in ("application", "crm"):
            pages = await installation.round(system, rhythm)
            assert sum((page.judged.found for page in pages), start=type(pages[0].judged.found)()) == {"consistent": 30}
    assert await installation.looks() == 0
    await installation.settle()
    assert installation.written == [0, 0]


async def test_row_that_nobody_told_of_is_taken_in(installation):
    await installation.synced("ada")
    installation.crm.create([{"email": "eve@example.com", "firstname": "Eve"}])
    await installation.rounds()
    assert (await installation.last("crm")).repaired == {"unlinked": 1}
    assert {row["email"] for row in installation.application.leads()} == {"ada@example.com", "eve@example.com"}


async def test_row_from_before_the_sync_is_left_alone_until_an_edit(installation):
    [eve] = installation.crm.create([{"email": "eve@example.com", "firstname": "Eve"}])
    await installation.synced("ada")
    await installation.rounds()
    assert (await installation.last("crm")).found == {"consistent": 1, "stranger": 1}
    installation.crm.edit({eve: {"firstname": "Eva"}})
    await installation.rounds()
    assert {row["firstName"] for row in installation.application.leads()} == {"Ada", "Eva"}


async def test_record_that_a_system_lacks_is_planned_as_bulk_work(installation):
    ids = installation.application.create([lead("ada")])
    await installation.report(*ids)
    await execute(installation, "DELETE FROM transactions")
    await installation.round("crm")
    assert (await installation.last("crm")).repaired == {"absent": 1}
    assert await execute(installation, "SELECT priority, reason FROM transactions") == [(2, "reconcile")]
    await installation.settle()
    assert installation.equal
    assert len(installation.crm.contacts()) == 1


async def test_what_is_on_its_way_is_left_alone(installation):
    ids = await installation.synced("ada", "bob")
    installation.application.edit({ids[0]: {"notes": "on its way"}})
    await installation.report(ids[0], verb="updated")
    installation.crm.edit({installation.contact("bob")["id"]: {"firstname": "Robert"}})
    await installation.round("crm")
    assert (await installation.last("crm")).found == {"under_way": 1, "unseen": 1}
    await installation.round("crm")
    assert (await installation.last("crm")).found == {"under_way": 2}


async def test_row_that_stands_apart_is_no_difference(installation):
    await installation.synced("ada")
    await installation.report(*installation.application.create([lead("ada")]))
    await installation.round("application")
    assert (await installation.last("application")).found == {"consistent": 1, "held": 1}


async def test_row_that_has_come_back_is_linked_again(installation):
    await installation.synced("ada")
    contact = installation.contact("ada")["id"]
    installation.crm.delete([contact])
    await installation.rounds()
    installation.crm.restore([contact])
    await installation.rounds()
    assert (await installation.last("crm")).repaired == {"returned": 1}
    await installation.round("crm")
    assert (await installation.last("crm")).found == {"consistent": 1}


async def test_row_deleted_while_the_round_runs_is_found_by_the_next(installation):
    await installation.synced(*NAMES[:120])
    installation.rhythm(FULL)
    reconciling = installation.core.reconciling()
    first = await reconciling.slice("crm")
    installation.crm.delete([next(iter(installation.crm.contacts()))["id"]])
    await installation.round("crm", FULL, reconciling)
    assert (first.judged.found, (await installation.last("crm")).found) == ({"consistent": 100}, {"consistent": 120})
    await installation.round("crm")
    assert (await installation.last("crm")).found == {"consistent": 119, "missing": 1}


async def test_row_linked_while_the_round_runs_is_not_missed(installation):
    await installation.synced(*NAMES[:20])
    installation.rhythm(FULL)
    reconciling = installation.core.reconciling()
    await reconciling.slice("crm")
    await installation.synced("newcomer")
    await installation.round("crm", FULL, reconciling)
    assert (await installation.last("crm")).found == {"consistent": 20}


async def test_process_that_dies_between_pages_repeats_none(installation):
    await installation.synced(*NAMES)
    installation.rhythm(FULL)
    await installation.core.reconciling().slice("crm")
    pages = await installation.round("crm", FULL, installation.core.reconciling())
    assert [page.judged.found["consistent"] for page in pages if page.judged.found] == [100, 30]
    assert (await installation.last("crm")).found == {"consistent": 230}
    assert listings(installation.crm) == 3


async def test_process_that_dies_over_a_page_repeats_it_alone(installation, monkeypatch):
    await installation.synced(*NAMES)
    installation.crm.edit({installation.contact(NAMES[0])["id"]: {"firstname": "Changed"}})
    installation.rhythm(FULL)
    dying = installation.core.reconciling()

    async def dies(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(dying, "_keep", dies)
        with pytest.raises(SystemExit):
            await dying.slice("crm")
    await installation.round("crm", FULL, installation.core.reconciling())
    assert (await installation.last("crm")).found == {"consistent": 229, "unseen": 1}
    assert listings(installation.crm) == 4


async def page(reconciling):
    """Draw the next page, as soon as it is due."""
    while (one := await reconciling.slice("crm")).round is None:
        await asyncio.sleep(0.01)
    return one


async def test_page_that_fails_delays_the_round(installation):
    await installation.synced(*NAMES[:120])
    installation.rhythm(FULL)
    reconciling = installation.core.reconciling()
    await reconciling.slice("crm")
    installation.crm.order("status", status=503)
    failed = await page(reconciling)
    installation.crm.lift()
    assert failed.trouble
    async with installation.core.db.read() as sql:
        [under_way] = await rounds.read(sql)
    assert (under_way.progress.tries, under_way.progress.trouble) == (1, failed.trouble)
    pages = await installation.round("crm", FULL, reconciling)
    assert (await installation.last("crm")).found == {"consistent": 120}
    assert pages[0].judged.found == {"consistent": 20}


async def test_system_that_forgets_the_place_counts_nothing_twice(installation):
    await installation.synced(*NAMES)
    installation.rhythm(FULL)
    reconciling = installation.core.reconciling()
    await reconciling.slice("crm")
    real = installation.core.connectors["crm"].rows
    reconciling.paging.connectors = {"crm": Forgetful(real)}
    pages = await installation.round("crm", FULL, reconciling)
    assert [page.judged.found["consistent"] for page in pages if page.judged.found] == [100, 30]
    assert (await installation.last("crm")).found == {"consistent": 230}


class Forgetful:
    """A connector to a system that has forgotten every place by the time it is asked again."""

    def __init__(self, real):
        self.real = real

    def rows(self, object, start=None):
        return self.real(object)


async def test_processes_share_one_round(installation):
    await installation.synced(*NAMES)
    installation.crm.edit({installation.contact(NAMES[0])["id"]: {"firstname": "Changed"}})
    installation.rhythm(FULL)
    several = [installation.core.reconciling() for _ in range(3)]
    pages = [page for found in await asyncio.gather(*map(until_ended, several)) for page in found if page.round]
    [ended] = [page.round.id for page in pages if page.ended]
    found = [page.judged.found for page in pages if page.round.id == ended and page.judged.found]
    assert sorted(map(dict, found), key=str) == [
        {"consistent": 100},
        {"consistent": 30},
        {"consistent": 99, "unseen": 1},
    ]
    assert await installation.looks() == 1


async def until_ended(reconciling):
    """Draw pages until a round has ended, here or in another process."""
    pages = []
    while True:
        async with reconciling.db.read() as sql:
            if any(one.ended_at for one in await rounds.read(sql)):
                return pages
        pages.append(await reconciling.slice("crm"))
        await asyncio.sleep(0)


async def test_page_that_outlived_its_lease_counts_once(installation, monkeypatch):
    await installation.synced(*NAMES[:50])
    installation.rhythm(FULL)
    slow, quick = installation.core.reconciling(), installation.core.reconciling()
    monkeypatch.setattr("sync_system.services.reconciling.LEASE", -1)
    held, listed = asyncio.Event(), slow.paging.listed

    async def late(one):
        read = await listed(one)
        await held.wait()
        return read

    monkeypatch.setattr(slow.paging, "listed", late)
    outlived = asyncio.create_task(slow.slice("crm"))
    while listings(installation.crm) == 0:
        await asyncio.sleep(0.01)
    await installation.round("crm", FULL, quick)
    held.set()
    assert (await outlived).round is None
    assert (await installation.last("crm")).found == {"consistent": 50}


async def test_system_that_is_down_is_left_alone(installation):
    await installation.synced("ada")
    await execute(installation, "UPDATE destinations SET opened_at = 1 WHERE name = 'crm'")
    installation.rhythm(FULL)
    installation.crm.forget_calls()
    assert (await installation.core.reconciling().slice("crm")).wait > 0
    assert listings(installation.crm) == 0


async def test_nothing_is_kept_of_a_round_but_what_it_found(installation):
    await installation.synced(*NAMES[:20])
    for _ in range(3):
        await installation.round("crm")
    assert await execute(installation, "SELECT count(*) FROM run_rows") == [(0,)]
    assert await execute(installation, "SELECT count(*) FROM runs") == [(1,)]
    assert Kind.MISSING not in (await installation.last("crm")).found


def listings(crm):
    """Return how often the CRM was asked for a page of all its rows."""
    return sum(call["method"] == "GET" and call["path"].endswith("/contacts") for call in crm.calls("read"))


async def execute(installation, statement):
    async with installation.core.db.write() as sql:
        done = await sql.connection.exec_driver_sql(statement)
        return [tuple(row) for row in done] if done.returns_rows else []
