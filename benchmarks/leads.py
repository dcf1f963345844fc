"""The leads that are carried, the two sides they come from, and the configuration that carries them."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

COMPANIES = ("Northwind Traders", "Blue Harbour Logistics", "Quill & Sons", "Meridian Optics", "Redwood Foods")
CITIES = ("Pune", "Chennai", "Jaipur", "Kochi", "Lucknow")
STAGES = ("N", "C", "Q", "W")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two systems. `phones`: the digits that its leads' phone numbers begin with."""

    name: str
    phones: str
    seed: int


APPLICATION = Side("application", "98", 1)
CRM = Side("crm", "97", 2)
SIDES = (APPLICATION, CRM)


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it is published. `email` is what the lead is recognised by on its arrival."""

    email: str
    id: str
    key: str
    body: bytes


def messages(side: Side, count: int, first: int = 0) -> list[Message]:
    """Return the events of `count` new leads, about 600 bytes each; the same for the same arguments."""
    random = Random(side.seed * 1_000_003 + first)
    return [message(side, number, random) for number in range(first, first + count)]


def message(side: Side, number: int, random: Random) -> Message:
    """Return the event of one new lead."""
    email = f"lead{number:07d}@{side.name}.example.com"
    event = str(uuid.UUID(int=random.getrandbits(128), version=4))
    body = {
        "specversion": "1.0",
        "id": event,
        "source": side.name,
        "type": "lead.created",
        "subject": f"{side.name[:3]}-{number}",
        "time": "2026-03-01T09:30:00.123456Z",
        "datacontenttype": "application/json",
        "data": values(side, number, email),
    }
    return Message(email, event, f"{side.name}.lead.created", orjson.dumps(body))


def values(side: Side, number: int, email: str) -> dict[str, Any]:
    """Return a lead in its system's own names."""
    return {
        "key": None,
        "firstName": f"Asha{number % 997}",
        "lastName": f"Rao{number % 1009}",
        "email": email,
        "phone": f"+91{side.phones}{number:08d}",
        "company": COMPANIES[number % len(COMPANIES)],
        "jobTitle": "Head of Procurement",
        "city": CITIES[number % len(CITIES)],
        "country": "India",
        "stage": STAGES[number % len(STAGES)],
        "notes": "Asked for a quotation at the spring exhibition, wants a call back before the end of the month.",
    }


FIELDS = """\
        first_name: firstName
        last_name: lastName
        email: email
        phone: phone
        company: company
        job_title: jobTitle
        city: city
        country: country
        description: notes
        status: {name: stage, values: {new: N, contacted: C, qualified: Q, converted: W}}
"""


def configuration(database: str, broker: str, stub: str) -> str:
    """Return the service's configuration: everything that is not the two systems is left at its default."""
    systems = "".join(_system(side, stub) for side in SIDES)
    return f"""\
database: {database}
broker: {broker}
objects:
  lead:
    match: [[email], [phone]]
    default_region: IN
systems:
{systems}"""


def _system(side: Side, stub: str) -> str:
    return f"""\
  {side.name}:
    connector: rest
    base_url: {stub}/{side.name}
    allow_private: true
    lead:
      unique: [email]
      fields:
{FIELDS}"""
