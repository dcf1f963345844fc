"""A lead's story tells what it is and by whom, what arrived, what was tried, and what happens next."""

from types import SimpleNamespace

from sync_system.domain.schedule import Every
from sync_system.domain.transactions import ReplayPolicy
from sync_system.ledger.repairs import Selection
from sync_system.services.parking import Parking
from sync_system.services.rehearsing import failures_of, rehearse
from sync_system.services.retrying import Retrying
from sync_system.services.story import Telling
from tests.integration.installation import SECOND, contact, told
from tests.integration.repairing import failed, ids, parked, planned

MINUTE = 60 * SECOND


async def tell(installation, **options):
    core = installation.core
    record = await installation.one("SELECT id FROM records")
    systems = core.settings.systems
    schedules = {name: core.schedule(name) for name in systems}
    telling = Telling(core.db, core.advice, schedules, core.replaying().policies, core.clock)
    return await telling.tell(record, **options)


async def test_story_names_who_set_each_field(installation, application):
    [(row, mail)] = await planned(installation, city="Pune")
    await installation.deliver("application")
    [id] = await installation.rows("SELECT external_id FROM links WHERE system = 'application'")
    await installation.take(
        "application", told("application", id, {"city": "Goa"}, verb="updated", at=installation.clock(), changes=True)
    )
    story = await tell(installation)
    assert {(one.name, one.value, one.system) for one in story.fields} == {
        ("city", "Goa", "application"), ("email", mail, "crm"), ("first_name", "Asha", "crm"),
    }  # fmt: skip
    assert [(link.system, link.external_id) for link in story.links] == [("application", id), ("crm", row)]


async def test_story_tells_events_with_their_receipts(installation, application):
    [(row, mail)] = await planned(installation, city="Pune")
    edited = contact(email=mail, firstname="Asha", city="Goa")
    await installation.take("crm", told("crm", row, edited, verb="updated", at=installation.clock()))
    story = await tell(installation)
    assert [(one.verb, one.outcome) for one in story.events] == [("updated", "accepted"), ("created", "accepted")]
    edits = [one for one in story.events[0].receipts if one.rule == "edit"]
    assert [(list(one.fields), one.kept[1], one.lost[1]) for one in edits] == [(["city"], "crm", "crm")]


async def test_story_tells_when_a_failure_is_replayed(installation, application):
    await failed(installation, application)
    story = await tell(installation)
    [transaction] = story.transactions
    [attempt] = transaction.tries
    assert (transaction.state, transaction.attempts, transaction.most) == ("failed", 1, 8)
    assert (attempt.trigger, attempt.outcome, attempt.charged, list(attempt.calls)) == ("live", "retry", True, [])
    assert transaction.next == "is replayed"
    assert transaction.next_at % (5 * SECOND) == 0


async def test_story_of_a_parked_lead_says_what_to_do(installation, application):
    await parked(installation, application)
    [transaction] = (await tell(installation)).transactions
    assert transaction.next.startswith("waits for a person. The system refuses this record")
    assert transaction.next_at is None


async def test_story_of_what_a_person_parked_says_so(installation, application):
    await failed(installation, application)
    core = installation.core
    await Parking(core.db, core.catalog, core.clock).park(await ids(installation), "the customer asked")
    [transaction] = (await tell(installation)).transactions
    assert (transaction.state, transaction.error) == ("parked", "the customer asked")
    assert "A person parked it" in transaction.next


async def test_story_shows_calls_when_asked_for(installation, application):
    [(_, mail)] = await failed(installation, application)
    [transaction] = (await tell(installation, calls=True)).transactions
    [call] = [call for attempt in transaction.tries for call in attempt.calls][-1:]
    assert mail in call.request
    assert "Bearer" not in call.request


async def test_story_can_be_of_one_transaction(installation, application):
    [(row, mail)] = await planned(installation)
    await installation.deliver("application")
    edited = contact(email=mail, firstname="Usha")
    await installation.take("crm", told("crm", row, edited, verb="updated", at=installation.clock()))
    first, second = await ids(installation)
    assert [one.id for one in (await tell(installation)).transactions] == [second, first]
    story = await tell(installation, named=first)
    assert [(one.id, one.next) for one in story.transactions] == [(first, None)]


async def test_story_says_why_nothing_is_sent(installation, application):
    await planned(installation)
    async with installation.core.db.write() as sql:
        from sync_system.ledger.tables import destinations

        row = {"name": "application", "probes": 0, "refusals": 0, "paused_at": 1, "paused_for": "moving house"}
        await sql.execute(sql.insert(destinations).values(row))
    [transaction] = (await tell(installation)).transactions
    assert transaction.next == "waits: application is paused: moving house"


async def test_schedule_is_rehearsed_on_what_was_recorded(installation, application):
    await failed(installation, application, 3)
    installation.ahead += 100 * MINUTE
    core = installation.core
    await Retrying(core.db, core.clock).retry(Selection(system="application"))
    await installation.deliver("application")
    await parked(installation, application, 2)
    installation.ahead += 1_000 * MINUTE
    found = await rehearse(core.db, core.clock, "application", Every(60 * MINUTE), ReplayPolicy(5, 10_000 * MINUTE), 0)
    assert (found.failed, dict(found.really.recovered), found.really.parked) == (5, {2: 3}, 2)
    assert sum(found.simulated.recovered.values()) == 3
    assert (found.simulated.parked, found.really.calls) == (2, 8)
    assert all(100 * MINUTE <= time <= 161 * MINUTE for time in found.simulated.times)
    later = await rehearse(core.db, core.clock, "application", Every(MINUTE), ReplayPolicy(5, MINUTE), core.clock())
    assert later.failed == 0


def result(transaction, at, outcome, state="succeeded", *, charged=True):
    return SimpleNamespace(transaction=transaction, at=at, outcome=outcome, charged=charged, state=state)


def test_failures_of_recorded_results():
    rows = [
        result(1, 10, "retry"), result(1, 20, "retry"), result(1, 30, "ok", charged=False),
        result(2, 10, "ok", charged=False),
        result(3, 10, "retry", "superseded"),
        result(4, 10, "rejected", "parked"),
        result(5, 10, "unavailable", "failed", charged=False),
    ]  # fmt: skip
    found = failures_of(rows)
    assert [(f.accepted_at, f.charged, f.refused, f.calls, f.waiting) for f in found] == [
        (30, True, False, 3, False),
        (None, True, True, 1, False),
        (None, False, False, 1, True),
    ]
