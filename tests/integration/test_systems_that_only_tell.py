"""Imported files and publishers that take nothing back: their leads reach the others, and nothing is ever sent to them."""

from tests.integration.installation import email, fresh, told

FAIR = {"systems": {"fair": {"connector": "file", "lead": {"fields": {"email": "Email", "first_name": "Name"}}}}}


async def test_their_leads_reach_the_other_systems(install, application):
    installation = install(**FAIR)
    address = email()
    await installation.take("fair", told("fair", fresh(), {"Email": address, "Name": "Asha"}))
    assert (await installation.deliver("application")).outcomes["ok"] == 1
    assert address in {lead["email"] for lead in application.leads()}


async def test_nothing_is_planned_for_them(install):
    installation = install(**FAIR)
    row, address = fresh(), email()
    await installation.take("fair", told("fair", row, {"Email": address, "Name": "Asha"}))
    await installation.take(
        "application", told("application", fresh(), {"key": None, "email": address, "city": "Pune"})
    )
    assert await installation.states("fair") == []


async def test_event_without_values_is_rejected_with_advice(install):
    installation = install(**FAIR)
    ingested = await installation.take("fair", told("fair", fresh(), None, verb="updated"))
    assert [one.reason for one in ingested.rejected] == [
        "data is missing, and rows of 'fair' cannot be read: send the values"
    ]
