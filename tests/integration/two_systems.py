"""A pretend application and a pretend CRM of a test's own, and an installation that does only what it is told to."""

from contextlib import asynccontextmanager, contextmanager

import structlog

from sync_system.bootstrap import build
from sync_system.connectors.registry import connector_types
from sync_system.messaging.envelope import Event
from sync_system.sandbox.application import PretendApplication
from sync_system.sandbox.crm import PretendCrm
from sync_system.settings import load_text

CONFIGURATION = """
database: {database}
systems:
  application:
    connector: rest
    base_url: {application}
    auth: {{bearer: sandbox-token}}
    allow_private: true
    lead: {{fields: {{email: email, first_name: firstName, description: notes}}}}
  crm:
    connector: hubspot
    base_url: {crm}
    token: pat-sandbox
    allow_private: true
    lead: {{fields: {{email: email, first_name: firstname, description: message}}}}
"""


class TwoSystems:
    """A pretend application and a pretend CRM, with an installation between them that does nothing by itself."""

    def __init__(self, core, application, crm):
        self.core, self.application, self.crm, self.events = core, application, crm, 0

    async def report(self, *ids, verb="created"):
        """Let the application tell of rows as they are."""
        rows = {row["id"]: row for row in self.application.leads()}
        self.events += 1
        told = [
            Event(f"e{self.events}-{id}", "application", "lead", verb, id, self.core.clock(), shown(rows[id]))
            for id in ids
        ]
        await self.core.ingest().take("application", [one.encode() for one in told])

    async def settle(self):
        """Look and deliver until nothing is left to do."""
        looks, delivery, busy = self.core.looks(), self.core.delivery(), True
        while busy:
            busy = False
            for system in self.core.settings.systems:
                busy |= bool((await looks.look(system)).outcomes)
                busy |= (await delivery.deliver(system)).claimed > 0

    async def synced(self, *names):
        """Create leads in the application and carry them over; return their ids there."""
        ids = self.application.create([lead(name) for name in names])
        await self.report(*ids)
        await self.settle()
        return ids

    def contact(self, name):
        return next(each for each in self.crm.contacts() if each["properties"]["email"] == f"{name}@example.com")


def lead(name):
    return {"email": f"{name}@example.com", "firstName": name.title(), "notes": "met at the fair"}


def shown(row):
    return {name: row[name] for name in ("email", "firstName", "notes", "key")}


@contextmanager
def running(folder):
    with PretendApplication(folder / "application") as application, PretendCrm(folder / "crm") as crm:
        yield application, crm


@asynccontextmanager
async def between(systems, database_url, kind=TwoSystems):
    """Put an installation between systems in which nobody stands."""
    application, crm = systems
    application.delete([row["id"] for row in application.leads()])
    crm.delete([contact["id"] for contact in crm.contacts()])
    application.forget_calls()
    crm.forget_calls()
    text = CONFIGURATION.format(database=database_url, application=application.url, crm=crm.url)
    core = build(load_text(text, connector_types(), {}), connector_types())
    try:
        with structlog.testing.capture_logs():
            yield kind(core, application, crm)
    finally:
        await core.aclose()
