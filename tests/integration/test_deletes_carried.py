"""Deletes that the configuration asks to carry on, and rows of ours that are taken back, on both databases."""

from sqlalchemy import insert

from sync_system.ledger.tables import held
from tests.integration.installation import SECOND, email, fresh, now, phone, told

CARRIED = {"objects": {"lead": {"on_delete": "propagate", "deletes_per_hour": 2}}}


def person():
    return {"key": None, "email": email(), "firstName": "Asha", "phone": phone(), "stage": "N"}


async def both_sides(installation, crm, count=1):
    """Create leads in the application and deliver them to the CRM; return the application's rows."""
    rows = [fresh() for _ in range(count)]
    await installation.take("application", *(told("application", row, person()) for row in rows))
    assert (await installation.deliver("crm")).outcomes["ok"] == count
    return rows


def gone(*rows):
    return [told("application", row, None, verb="deleted", at=now() + SECOND) for row in rows]


async def test_delete_is_carried_where_asked_for(install, crm):
    installation = install(**CARRIED)
    [row] = await both_sides(installation, crm)
    contact = await installation.one("SELECT external_id FROM links WHERE system = 'crm'")
    await installation.take("application", *gone(row))
    assert (await installation.deliver("crm")).outcomes == {"ok": 1}
    assert contact not in {one["id"] for one in crm.contacts()}
    assert await installation.one("SELECT deleted_at FROM links WHERE system = 'crm'") is not None


async def test_delete_stays_where_it_happened_by_default(installation, crm):
    [row] = await both_sides(installation, crm)
    contact = await installation.one("SELECT external_id FROM links WHERE system = 'crm'")
    await installation.take("application", *gone(row))
    assert (await installation.deliver("crm")).claimed == 0
    assert contact in {one["id"] for one in crm.contacts()}


async def test_more_deletes_than_the_hour_allows_wait_for_a_person(install, crm):
    installation = install(**CARRIED)
    rows = await both_sides(installation, crm, 3)
    await installation.take("application", *gone(*rows))
    assert (await installation.deliver("crm")).outcomes == {"ok": 2, "rejected": 1}
    [error] = await installation.rows("SELECT error FROM transactions WHERE state = 'parked'")
    assert error == "more than 2 deletes in an hour: a person must let this one pass"


async def marked(installation, contact, wrote):
    """Mark a contact as one of ours that was not needed."""
    row = {
        "external_id": contact, "system": "crm", "object": "lead", "candidates": [], "reason": "", "payload": wrote,
        "decision": "withdraw", "created_at": 0, "updated_at": 0,
    }  # fmt: skip
    async with installation.core.db.write() as sql:
        await sql.execute(insert(held), [row])


async def test_untouched_newborn_is_taken_back(installation, crm):
    wrote = {"email": email(), "first_name": "Asha"}
    [contact] = crm.create([{"email": wrote["email"], "firstname": "Asha"}])
    await marked(installation, contact, wrote)
    assert await installation.core.withdrawing().withdraw() == 1
    assert contact not in {one["id"] for one in crm.contacts()}
    assert await installation.rows("SELECT external_id FROM held") == []


async def test_newborn_that_somebody_worked_on_is_left_to_a_person(installation, crm):
    wrote = {"email": email(), "first_name": "Asha"}
    [contact] = crm.create([{"email": wrote["email"], "firstname": "Asha", "city": "Pune"}])
    await marked(installation, contact, wrote)
    assert await installation.core.withdrawing().withdraw() == 0
    assert contact in {one["id"] for one in crm.contacts()}
    assert await installation.rows("SELECT decision FROM held") == [None]
