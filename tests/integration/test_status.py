"""What waits where is told the same by both databases."""

from sync_system.cli.screens.status import conditions, document, overview_of, print_status
from sync_system.ledger import cursors, held, looks
from sync_system.ledger.counters import Tally, fold, totals
from sync_system.ledger.database import Database
from sync_system.ledger.reports import Count, counted
from sync_system.ledger.transactions import Plan, apply
from sync_system.services.pausing import pause
from sync_system.services.status import SystemStatus, systems_status
from tests.integration.installation import contact, email, fresh, told

NOW = 1_800_000_000_000_000
MINUTE = 60_000_000


def look(external_id, next_at):
    return {
        "external_id": external_id, "system": "crm", "object": "lead", "reason": "e1",
        "reported_at": NOW, "tries": 0, "next_at": next_at,
    }  # fmt: skip


def apart(external_id, decision):
    return {
        "external_id": external_id, "system": "crm", "object": "lead", "candidates": [], "reason": "twins",
        "payload": None, "decision": decision, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip


async def test_status_tells_what_waits(database_url):
    db, plan = Database(database_url), Plan()
    plan.create("r1", "lead", "crm", "e1", NOW - 5)
    plan.create("r2", "lead", "crm", "e2", NOW - 3)
    async with db.write() as sql:
        await looks.ask(sql, [look("1", NOW - 1), look("2", NOW), look("3", NOW + 1)])
        await held.hold(sql, [apart("4", None), apart("5", "same")])
        await cursors.keep(sql, "crm", "lead", "c", NOW - 7)
        await apply(sql, plan, Tally(), NOW)
    found = await systems_status(db, ["application", "crm"], lambda: NOW)
    assert found == [
        SystemStatus("application"),
        SystemStatus("crm", {"pending": 2}, NOW - 5, looks=3, looks_due=2, held=1, last_poll_at=NOW - 7),
    ]
    await db.aclose()


async def test_counts_are_added_up_by_steps(database_url):
    db, first = Database(database_url), NOW // MINUTE
    start = first - first % 60
    for minute, count in ((start - 1, 9), (start, 1), (start + 59, 2), (start + 60, 4)):
        tally = Tally()
        tally.add("received", "crm", "accepted", count)
        async with db.write() as sql:
            await tally.store(sql, minute * MINUTE)
    async with db.read() as sql:
        found = await counted(sql, start, 60)
    assert found == [
        Count(start, "received", "crm", "accepted", 3),
        Count(start + 60, "received", "crm", "accepted", 4),
    ]
    await db.aclose()


async def test_old_minutes_become_hours_without_losing_a_count(database_url):
    db, minute = Database(database_url), NOW // MINUTE
    start = minute - minute % 60 - 3 * 1_440
    for at in (start, start + 59, start + 60, minute):
        await count(db, at)
    for _ in range(2):
        async with db.write() as sql:
            await fold(sql, NOW)
    await count(db, start + 1)  # committed late
    async with db.write() as sql:
        assert await fold(sql, NOW) == 1
    async with db.read() as sql:
        assert await totals(sql) == {("received", "crm", "accepted"): 5}
        assert [(one.minute, one.count) for one in await counted(sql, 0, 60)] == [
            (start, 3), (start + 60, 1), (minute - minute % 60, 1),
        ]  # fmt: skip
    await db.aclose()


async def count(db, minute):
    tally = Tally()
    tally.add("received", "crm", "accepted")
    async with db.write() as sql:
        await tally.store(sql, minute * MINUTE)


async def test_status_says_why_nothing_is_delivered(install, application):
    installation = install()
    core = installation.core
    application.order("unavailable")
    await installation.take("crm", told("crm", fresh(), contact(email=email())))
    await installation.deliver("application")
    await pause(core.db, ["application"], "application", "asha", "a fair", installation.clock())
    await core.alerting().look()
    shown = await overview_of(core)
    down, paused = conditions(shown.systems[0], shown.at)
    assert down.startswith("application is down since ")
    assert "internal error; next probe in" in down
    assert paused.endswith(" by asha: a fair")
    assert [one.text for one in shown.alerts] == ["application is paused by asha"]
    known = document(shown)
    assert known["systems"][0]["paused"]["why"] == "a fair"
    assert known["alerts"][0]["command"] == "sync-system resume application"
    print_status(shown, json=False)
