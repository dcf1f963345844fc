"""How the two sides typed the same person: letter case, blanks, phone formats, Unicode forms, and other values."""

import unicodedata
from random import Random
from typing import Any

from sync_system.sandbox.population.casting import Part, Role, Side
from sync_system.sandbox.population.people import CITIES, LAST, NOTES, STATUSES, TITLES, TRADES, Person, person

OWN_NAMES: dict[Side, dict[str, str]] = {
    "application": {
        "email": "email", "first_name": "firstName", "last_name": "lastName", "phone": "phone", "company": "company",
        "job_title": "jobTitle", "city": "city", "exhibition": "exhibition", "description": "notes", "status": "stage",
    },
    "crm": {
        "email": "email", "first_name": "firstname", "last_name": "lastname", "phone": "phone", "company": "company",
        "job_title": "jobtitle", "city": "city", "exhibition": "exhibition", "description": "message",
        "status": "hs_lead_status",
    },
}  # fmt: skip
OWN_STATUSES: dict[Side, dict[str, tuple[str, ...]]] = {
    "application": {"new": ("N",), "contacted": ("C",), "working": ("W",), "qualified": ("Q",), "unqualified": ("U",)},
    "crm": {
        "new": ("NEW", "OPEN"), "contacted": ("CONNECTED", "ATTEMPTED_TO_CONTACT"), "working": ("IN_PROGRESS",),
        "qualified": ("OPEN_DEAL",), "unqualified": ("UNQUALIFIED", "BAD_TIMING"),
    },
}  # fmt: skip
TYPED_OVER = {"city": CITIES, "company": None, "job_title": TITLES, "description": NOTES, "status": STATUSES}
TOO_LONG = "Auto Expo, " * 12  # the mapping takes 120 characters
# Of rows: another value in a field, no value in a field.
OTHER, BLANK = 0.03, 0.02
# Of people: two addresses, two numbers; no number on one side, no address on one side.
TWO_EMAILS, TWO_PHONES, NO_PHONE, NO_EMAIL = 0.10, 0.03, 0.03, 0.03


def typed(seed: int, side: Side, part: Part) -> tuple[dict[str, Any], str | None]:
    """Return a row's values under its side's own names, and the one of them that cannot be read, if any."""
    who = person(seed, part.person)
    chance = Random(f"{seed}/{part.person}/{side}/{part.second}")
    email, phone = _reached(seed, side, part, who)
    values: dict[str, Any] = {
        "email": _email(side, email, chance),
        "phone": _phone(phone, chance) if phone else None,
        "first_name": _name(who.first_name, chance),
        "last_name": _name(who.last_name, chance),
        "exhibition": who.exhibition,
    }
    for field, others in TYPED_OVER.items():
        values[field] = _value(getattr(who, field), others, chance)
    if values["status"]:
        values["status"] = _one(OWN_STATUSES[side][values["status"]], chance)
    own = {name: values[field] for field, name in OWN_NAMES[side].items()}
    _add_consent(own, side, who, chance)
    return own, _spoil(own, side, chance) if part.role is Role.REFUSED else None


def _reached(seed: int, side: Side, part: Part, who: Person) -> tuple[str | None, str | None]:
    """Return the address and the number that a side knows; those of a pair always have one in common."""
    if part.role is Role.CROSSING:
        return person(seed, part.email_of).email, person(seed, part.phone_of).phone
    if part.role is Role.DOUBLE:
        by_email = part.second == "by email"
        email = who.other_email if part.second == "by phone" else who.email
        return email, who.other_phone if by_email else who.phone
    if part.role not in {Role.PAIR, Role.ONLY}:
        return who.email, who.phone
    return _known(Random(f"{seed}/{part.person}/reached"), side, who, single=part.role is Role.ONLY)


def _known(chance: Random, side: Side, who: Person, *, single: bool) -> tuple[str | None, str | None]:
    drawn, here = chance.random(), chance.choice(("application", "crm")) == side
    if drawn < NO_PHONE:
        return who.email, None if here or single else who.phone
    if drawn < NO_PHONE + NO_EMAIL:
        return None if here or single else who.email, who.phone
    if drawn < NO_PHONE + NO_EMAIL + TWO_EMAILS:
        return who.other_email if here else who.email, who.phone
    if drawn < NO_PHONE + NO_EMAIL + TWO_EMAILS + TWO_PHONES:
        return who.email, who.other_phone if here else who.phone
    return who.email, who.phone


def _email(side: Side, email: str | None, chance: Random) -> str | None:
    if email is None or side == "crm":  # the CRM stores addresses in lower case without blanks
        return email
    drawn = chance.random()
    typed = email.title() if drawn < 0.15 else email.upper() if drawn < 0.2 else email
    return f" {typed}" if 0.17 < drawn < 0.22 else typed


def _phone(phone: str, chance: Random) -> str:
    national = phone.removeprefix("+91")
    split = f"{national[:5]} {national[5:]}"
    return _one((phone, f"0{national}", split, f"+91 {split.replace(' ', '-')}"), chance)


def _name(name: str, chance: Random) -> str:
    drawn = chance.random()
    if drawn < 0.02:
        name = name.upper()
    elif drawn < 0.04:
        name = name.replace(" ", "  ")
    if drawn > 0.7:
        name = unicodedata.normalize("NFD", name)
    return f" {name} " if 0.66 < drawn < 0.74 else name


def _value(value: str | None, others: tuple[str, ...] | None, chance: Random) -> str | None:
    drawn = chance.random()
    if drawn < BLANK:
        return None
    if drawn < BLANK + OTHER:
        return _one(others, chance) if others else f"{_one(LAST, chance)} {_one(TRADES, chance)}"
    return value


def _add_consent(own: dict[str, Any], side: Side, who: Person, chance: Random) -> None:
    drawn = chance.random()
    answer = True if who.opted_out and drawn < 0.7 else False if drawn < 0.5 else None
    if side == "application":
        own["emailOptOut"] = answer
    else:
        own["email_opt_out"] = None if answer is None else str(answer).lower()


def _spoil(own: dict[str, Any], side: Side, chance: Random) -> str:
    """Put in a value of former days that the mapping knows nothing of; return the name of its field."""
    if side == "application":
        own["stage"] = "L"
        return "stage"
    if chance.random() < 0.5:
        own["exhibition"] = TOO_LONG
        return "exhibition"
    own["hs_lead_status"] = "ON_HOLD"
    return "hs_lead_status"


def _one(words: tuple[str, ...], chance: Random) -> str:
    return words[int(chance.random() * len(words))]
