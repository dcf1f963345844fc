"""Transactions that wait for a person, made by real failures."""

from tests.integration.installation import contact, email, fresh, told


async def planned(installation, count=1, **more):
    """Let the CRM tell of new contacts, so that the application lacks them; return their rows' ids and emails."""
    people = [(fresh(), email()) for _ in range(count)]
    bodies = [told("crm", row, contact(email=mail, firstname="Asha", **more)) for row, mail in people]
    await installation.take("crm", *bodies)
    return people


async def failed(installation, application, count=1, **more):
    """Let deliveries to the application fail by a lock that is lifted then; return the rows' ids and emails."""
    people = await planned(installation, count, **more)
    fault = application.order("locked", only="write", records=[mail for _, mail in people])
    await installation.deliver("application")
    application.lift(fault)
    return people


async def parked(installation, application, count=1, **more):
    """Let the application refuse leads, and then change its mind; return the rows' ids and emails."""
    application.tune(required=("company",))
    people = await planned(installation, count, **more)
    await installation.deliver("application")
    application.tune(required=())
    return people


async def ids(installation):
    return list(await installation.rows("SELECT id FROM transactions ORDER BY id"))


async def counted(installation):
    """Return how many transactions stand in which state by the counters alone, and by counting them."""
    by_counters = "SELECT value, sum(count) FROM counters WHERE name = 'state' GROUP BY value HAVING sum(count) <> 0"
    by_rows = "SELECT state, count(*) FROM transactions GROUP BY state"
    return sorted(await installation.rows(by_counters)), sorted(await installation.rows(by_rows))
