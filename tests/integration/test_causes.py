"""Failures are counted by their cause, with what a person can do about each."""

import pytest

from sync_system.services.failures import failures
from tests.integration.installation import contact, email, fresh, told


async def planned(installation, count=1, **more):
    """Let the CRM tell of new contacts, so that the application lacks them; return their emails."""
    emails = [email() for _ in range(count)]
    await installation.take("crm", *(told("crm", fresh(), contact(email=mail, **more)) for mail in emails))
    return emails


async def asked(installation, system=None, *, closed=False):
    return await failures(installation.core.db, installation.core.advice, system, closed=closed)


async def test_records_with_one_cause_are_one_group(installation, application):
    emails = await planned(installation, 12)
    application.order("locked", only="write", records=emails)
    await installation.deliver("application")
    [group] = await asked(installation)
    cause = group.cause
    assert (cause.destination, cause.object, cause.failed, cause.parked, cause.count) == (
        "application",
        "lead",
        12,
        0,
        12,
    )
    assert (cause.outcome, "tried again by itself" in group.advice) == ("retry", True)
    assert not any(mail in cause.message for mail in emails[:-1])


async def test_two_causes_are_two_groups(installation, application):
    locked, broken = await planned(installation, 3), await planned(installation, 2)
    application.order("locked", only="write", records=locked)
    application.order("record_error", only="write", records=broken)
    await installation.deliver("application")
    found = await asked(installation)
    assert [one.cause.failed for one in found] == [3, 2]
    assert len({one.cause.fingerprint for one in found}) == 2


async def test_repeated_failures_are_counted_on(installation, application):
    application.order("locked", only="write", records=await planned(installation, 2))
    await installation.deliver("application")
    first = (await asked(installation))[0].cause
    await installation.core.replaying().replay("application")
    await installation.deliver("application")
    again = (await asked(installation))[0].cause
    assert (again.count, again.failed, again.first_at) == (4, 2, first.first_at)
    assert again.last_at > first.last_at


async def test_cause_of_the_past_is_shown_when_asked_for(installation, application):
    application.order("locked", only="write", records=await planned(installation))
    await installation.deliver("application")
    application.lift()
    await installation.core.replaying().replay("application")
    await installation.deliver("application")
    assert await asked(installation) == []
    [group] = await asked(installation, closed=True)
    assert (group.cause.failed, group.cause.parked, group.cause.count) == (0, 0, 1)


async def test_mapping_that_refuses_has_its_own_advice(install, application):
    installation = install(systems={"application": {"lead": {"fields": {"city": {"name": "city", "max_length": 3}}}}})
    await planned(installation, 4, city="Bengaluru")
    await planned(installation, 4, city="Ahmedabad II")
    await installation.deliver("application")
    [group] = await asked(installation, "application")
    assert (group.cause.code, group.cause.parked, "`too_long`" in group.advice) == ("mapping", 8, True)
    assert await asked(installation, "crm") == []


async def test_validation_code_of_the_crm_has_its_own_advice(install, crm, application):
    installation = install(systems={"crm": {"lead": {"fields": {"city": "town"}}}})
    row = {"key": None, "email": email(), "firstName": "Asha", "city": "Pune"}
    await installation.take("application", told("application", fresh(), row))
    await installation.deliver("crm")
    [group] = await asked(installation)
    assert (group.cause.code, group.cause.parked) == ("PROPERTY_DOESNT_EXIST", 1)
    assert "sync-system check" in group.advice


async def test_killed_workers_are_a_cause_too(installation):
    await planned(installation)
    for _ in range(3):
        await installation.core.delivery().claim("application")
        await installation.expire("application")
    [group] = await asked(installation)
    assert (group.cause.outcome, group.cause.failed) == ("expired", 1)
    assert "delivery.lease" in group.advice


@pytest.mark.parametrize("message", ["x" * 10_000, "Zoë " * 300])
async def test_long_messages_are_cut(installation, message):
    from sync_system.ledger import causes

    async with installation.core.db.write() as sql:
        await causes.note(sql, [causes.Failed("crm", "f" * 16, "rejected", "C" * 200, message, 400, 1)], 5)
    [group] = await asked(installation, closed=True)
    assert (len(group.cause.message), len(group.cause.code)) == (500, 128)
