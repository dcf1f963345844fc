"""Bulk work: behind what people do, one batch at a time over all processes, at a share of the limits."""

from dataclasses import replace

from sync_system.connectors.protocol import Row
from sync_system.domain.transactions import Priority
from sync_system.ledger import held
from sync_system.services.clock import now
from sync_system.services.intake import Intake
from sync_system.services.reading import Reader
from tests.integration.installation import SECOND, contact, email, fresh, told

PENDING = "SELECT priority, count(*) FROM transactions WHERE state = 'pending' GROUP BY priority ORDER BY priority"


async def bulk(installation, count):
    """Take in contacts of the CRM as bulk work; return their ids."""
    core, ids = installation.core, [fresh() for _ in range(count)]
    reader = Reader(core.catalog)
    rows = [Row(id, contact(email=email()), at=now()) for id in ids]
    arrivals = [reader.row("crm", "lead", row, f"bulk:{row.external_id}", now()) for row in rows]
    await Intake(core.db, core.catalog, core.clock).take(arrivals, priority=Priority.BULK)
    return ids


async def test_what_people_do_goes_first(installation, application):
    await bulk(installation, 30)
    await installation.take("crm", told("crm", fresh(), contact(email=email())))
    delivery = installation.core.delivery()
    assert [(await delivery.deliver("application")).claimed for _ in range(2)] == [1, 30]


async def test_edit_of_a_record_that_waits_as_bulk_work_goes_first(installation, application):
    one, *_ = await bulk(installation, 30)
    edit = told("crm", one, contact(firstname="Typed"), verb="updated", at=now() + SECOND)
    await installation.take("crm", edit)
    assert await installation.rows(PENDING) == [(0, 1), (2, 29)]


async def test_one_batch_is_under_way_over_all_processes(installation, application):
    await bulk(installation, 300)
    first, second = installation.core.delivery(), installation.another().delivery()
    claims = await first.claim("application")
    assert (sum(claim.count for claim in claims), await second.claim("application")) == (200, [])
    assert (await first.claim("application")) == []
    await first.carry("application", claims)
    installation.ahead += 2 * SECOND
    assert sum(claim.count for claim in await second.claim("application")) == 100


async def test_limits_are_left_to_others_by_half(install, application):
    limited = {"systems": {"application": {"rate": {"calls": 100, "per": "10s", "bulk_share": 0.1}}}}
    installation = install(**limited)
    await bulk(installation, 201)
    delivery, limiter = installation.core.delivery(), installation.core.limiter
    began = installation.clock()
    assert (await delivery.deliver("application")).claimed == 200
    rest = 1_100_000 * limiter.made["application"]
    assert rest >= 2 * SECOND
    installation.ahead += began + rest - installation.clock() - SECOND // 2
    assert (await delivery.deliver("application")).claimed == 0
    installation.ahead += 2 * SECOND
    assert (await delivery.deliver("application")).claimed == 1


async def test_row_that_a_run_put_apart_stays_so_whatever_is_reported(installation):
    row = {
        "external_id": "501", "system": "crm", "object": "lead", "candidates": [], "reason": "two people",
        "run": "r1", "payload": None, "created_at": 1, "updated_at": 1,
    }  # fmt: skip
    async with installation.core.db.write() as sql:
        await held.hold(sql, [row])
    taken = await installation.take("crm", told("crm", "501", contact(email=email())))
    assert (dict(taken.taken.outcomes), await installation.rows("SELECT id FROM records")) == ({"held": 1}, [])
    assert await installation.one("SELECT reason FROM held") == "two people"


async def test_values_left_as_they_are_differ_until_somebody_types(installation, application):
    core, mail = installation.core, email()
    reader, at = Reader(core.catalog), now()
    ours = Row(fresh(), {"email": mail, "city": "Pune"}, at=at)
    theirs = Row(fresh(), contact(email=mail, city="Mumbai"), at=at + 1)
    first = replace(reader.row("application", "lead", ours, "run:1", at), plans=False)
    second = replace(reader.row("crm", "lead", theirs, "run:2", at), as_is=frozenset({"city"}))
    await Intake(core.db, core.catalog, core.clock).take([first, second])
    assert await installation.states("application") == []
    edit = told("crm", theirs.external_id, contact(city="Goa"), verb="updated", at=at + SECOND)
    await installation.take("crm", edit)
    assert await installation.states("application") == ["pending"]
