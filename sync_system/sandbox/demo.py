"""The main job in three minutes: leads both ways through conflicts, a row lock and two outages, then a second opinion."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Protocol

from sync_system.sandbox.errors import NotSettled
from sync_system.sandbox.stack import Stack

FIRST = ("Asha", "Bilal", "Chen", "Divya", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jürgen", "Kavya", "Łukasz")
LAST = ("Rao", "Khan", "Wei", "Iyer", "Demir", "Haddad", "Okafor", "Suzuki", "Petrov", "Müller", "Nair", "Nowak")
FAIRS = ("Auto Expo", "Tech Summit", "Food India", "Pharma Days")
STAGES = ("N", "C", "W", "Q", "U")
STATUSES = ("NEW", "CONNECTED", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED")
LOCKED = 50
LOCK_SECONDS = 8.0
OUTAGE_SECONDS = 6.0


class Narrator(Protocol):
    """Tells people what happens."""

    def say(self, text: str) -> None:
        """Tell of one step."""

    def watch(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how far something has come; call what it gives with the number that is done."""


@dataclass(slots=True)
class Demo:
    """One demonstration. `leads`: what the application publishes; `contacts`: what agents create in the CRM."""

    stack: Stack
    narrator: Narrator
    leads: int = 1_000
    contacts: int = 200
    together: int = 20
    created: list[str] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)  # email to the application's id
    people: dict[str, str] = field(default_factory=dict)  # email to the CRM's id
    numbers: Iterator[int] = field(default_factory=lambda: count(10_000_000))
    chance: Random = field(default_factory=lambda: Random(20_260))

    def run(self) -> dict[str, Any]:
        """Play it to its end; return the report."""
        began = time.monotonic()
        self.create()
        self.edit_at_once()
        self.lock_rows()
        self.outage("CRM", self.stack.crm, self.edit_in_application)
        self.outage("application", self.stack.application, self.edit_in_crm)
        self.settle("everything settles")
        return self.report(time.monotonic() - began)

    def create(self) -> None:
        """Let leads come into being on both sides, some of them the same person at once."""
        self.narrator.say(
            f"the application publishes {self.leads:,} leads by AMQP, agents create {self.contacts} in the CRM, "
            f"{self.together} people on both sides at once"
        )
        leads = [self.lead(f"lead{i}@example.com") for i in range(self.leads)]
        self.remember(self.rows, leads, self.stack.application.create(leads))
        contacts = [self.contact(f"contact{i}@example.org") for i in range(self.contacts)]
        self.remember(self.people, contacts, self.stack.crm.create(contacts))
        both = [f"both{i}@example.net" for i in range(self.together)]
        for email in both:
            self.remember(self.rows, [{"email": email}], self.stack.application.create([self.lead(email)]))
            self.remember(self.people, [{"email": email}], self.stack.crm.create([self.contact(email)]))
        self.arrive()

    def arrive(self) -> None:
        """Wait until every lead stands on both sides, and learn its ids there."""
        with self.narrator.watch("leads on both sides", len(self.created)) as show:
            deadline = time.monotonic() + 120
            while (done := self.standing()) < len(self.created):
                show(done)
                if time.monotonic() > deadline:
                    raise NotSettled(f"after two minutes {done} of {len(self.created)} leads stand on both sides")
                time.sleep(0.3)
            show(done)
        self.rows |= {lead["email"]: str(lead["id"]) for lead in self.stack.application.leads()}
        self.people |= {contact["properties"]["email"]: contact["id"] for contact in self.stack.crm.contacts()}

    def standing(self) -> int:
        """Return how many leads stand on the side that has fewer."""
        counts = self.stack.application.counts()["leads"], self.stack.crm.counts()["contacts"]
        return min(counts)

    def edit_at_once(self, rounds: int = 6, share: int = 40) -> None:
        """Let people on both sides type over the same leads at the same time."""
        self.narrator.say("people on both sides edit the same leads at the same time")
        for _ in range(rounds):
            some = self.chance.sample(self.created, share)
            self.stack.application.edit(
                {self.rows[email]: self.typed("city", "company", stage=STAGES) for email in some}
            )
            self.stack.crm.edit(
                {self.people[email]: self.typed("city", "jobtitle", hs_lead_status=STATUSES) for email in some}
            )
            time.sleep(0.2)
        self.settle("both sides agree")

    def typed(self, *texts: str, **choices: tuple[str, ...]) -> dict[str, str]:
        """Return what somebody types into these fields."""
        words = {name: f"{name} {self.chance.randrange(100)}" for name in texts}
        return words | {name: self.chance.choice(values) for name, values in choices.items()}

    def lock_rows(self) -> None:
        """Let rows be locked in the CRM for a while: the failed queue fills, and is replayed on its schedule."""
        self.narrator.say(f"{LOCKED} leads meet a row lock in the CRM: they fail, and are replayed every 5 s")
        emails = self.chance.sample(sorted(self.people), LOCKED)
        names = [name for email in emails for name in (email, self.people[email])]
        fault = self.stack.crm.order("locked", records=names)
        self.stack.application.edit(
            {self.rows[email]: {"exhibition": self.chance.choice(FAIRS) + " 2026"} for email in emails}
        )
        time.sleep(LOCK_SECONDS)
        failed = self.stack.service.standing("failed")
        self.stack.crm.lift(fault)
        self.narrator.say(f"{failed} transactions stood in the failed queue; the lock is gone")
        self.settle("the replay brings them through")

    def outage(self, name: str, system: Any, meanwhile: Callable[[], None]) -> None:
        """Take a system down while people go on editing in the other."""
        self.narrator.say(f"the {name} goes down for {OUTAGE_SECONDS:.0f} s; people on the other side go on")
        system.down(abruptly=True)
        meanwhile()
        time.sleep(OUTAGE_SECONDS)
        system.up()
        self.settle(f"the {name} is back and catches up")

    def edit_in_application(self) -> None:
        """Edit and create leads in the application."""
        some = self.chance.sample(sorted(self.rows), 150)
        self.stack.application.edit({self.rows[email]: self.typed("notes", stage=STAGES) for email in some})
        leads = [self.lead(f"late{i}@example.com") for i in range(30)]
        self.remember(self.rows, leads, self.stack.application.create(leads))

    def edit_in_crm(self) -> None:
        """Edit and create contacts in the CRM."""
        some = self.chance.sample(sorted(self.people), 100)
        self.stack.crm.edit({self.people[email]: self.typed("message", hs_lead_status=STATUSES) for email in some})
        contacts = [self.contact(f"walkin{i}@example.org") for i in range(20)]
        self.remember(self.people, contacts, self.stack.crm.create(contacts))

    def settle(self, what: str, patience: float = 90) -> None:
        """Wait until both databases agree and nothing is on its way."""
        deadline, counted, first = time.monotonic() + patience, {}, 0
        with self.narrator.watch(what, 1) as show:
            while time.monotonic() < deadline:
                counted = self.stack.recount()
                if not (counted["lost"] or counted["differences"]) and self.stack.settled():
                    show(1)
                    return
                first = first or counted["differences"]
                time.sleep(0.3)
        raise NotSettled(f"after {patience:.0f} s the two sides still differ: {counted}")

    def report(self, seconds: float) -> dict[str, Any]:
        """Return the report; its zeros are counted by the second opinion on the systems' own databases."""
        truth = self.stack.folder / "created.txt"
        truth.write_text("\n".join(self.created))
        counted, total = self.stack.recount(truth), self.stack.service.stats()["total"]
        zeros = {name: counted[name] for name in ("lost", "duplicates", "differences")}
        calls = self.stack.crm.count_calls()
        return {
            "ok": not any(zeros.values()),
            "leads": counted["leads"],
            "app_to_crm": total["delivered"].get("crm", {}).get("ok", 0),
            "crm_to_app": total["delivered"].get("application", {}).get("ok", 0),
            "conflicts": sum(total["conflicts"].values()),
            "replayed": sum(total["replayed"].values()),
            "parked": self.stack.service.standing("parked"),
            **zeros,
            "crm_calls": calls["read"] + calls["write"],
            "seconds": round(seconds, 1),
        }

    def lead(self, email: str) -> dict[str, Any]:
        """Return a person as the application knows them."""
        first, last = self.chance.choice(FIRST), self.chance.choice(LAST)
        return {
            "email": email, "firstName": first, "lastName": last, "phone": self.phone(), "stage": "N",
            "company": f"{last} & Co", "exhibition": self.chance.choice(FAIRS),
        }  # fmt: skip

    def contact(self, email: str) -> dict[str, str]:
        """Return a person as the CRM knows them."""
        first, last = self.chance.choice(FIRST), self.chance.choice(LAST)
        return {"email": email, "firstname": first, "lastname": last, "phone": self.phone(), "hs_lead_status": "NEW"}

    def phone(self) -> str:
        """Return a number that nobody else has."""
        return f"+9199{next(self.numbers)}"

    def remember(self, ids: dict[str, str], made: list[dict[str, Any]], given: list[str]) -> None:
        """Note who was created, and under which id."""
        for one, id in zip(made, given, strict=True):
            ids[one["email"]] = str(id)
            if one["email"] not in set(self.created[-1:]):
                self.created.append(one["email"])
