"""Invented people, each with addresses and numbers of their own, the same for the same seed."""

import unicodedata
from dataclasses import dataclass
from random import Random

FIRST = (
    "Asha", "Bilal", "Chen", "Divya", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jürgen", "Kavya", "Łukasz", "Maya",
    "Noé", "Omar", "Priya", "Quỳnh", "Renée", "Søren", "Tomás", "Usha", "Zoë", "Anna Maria", "Jean-Luc",
)  # fmt: skip
LAST = (
    "Rao", "Khan", "Wei", "Iyer", "Demir", "Haddad", "Okafor", "Suzuki", "Petrov", "Müller", "Nair", "Nowak", "Björk",
    "García", "D'Souza", "Nguyễn", "van der Berg", "Çelik", "Verma", "Žižka",
)  # fmt: skip
CITIES = ("Pune", "Mumbai", "Chennai", "Köln", "Kraków", "Delhi", "Bengaluru", "São Paulo", "Zürich", "Kochi")
TRADES = ("Foods", "Textiles", "Motors", "Pharma", "Systems", "Café", "Exports", "Steel")
TITLES = ("Buyer", "Head of Sales", "Owner", "Engineer", "Plant manager", "Consultant", "Directrice générale")
FAIRS = ("Auto Expo", "Tech Summit", "Food India", "Pharma Days")
NOTES = ("met at the booth", "wants a brochure", "call back in May", "asked for prices; résumé sent", "old customer")
STATUSES = ("new", "contacted", "working", "qualified", "unqualified")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as they are; phones in E.164, `None` where nobody ever asked."""

    first_name: str
    last_name: str
    email: str
    other_email: str
    phone: str
    other_phone: str
    company: str
    job_title: str | None
    city: str
    exhibition: str | None
    description: str | None
    status: str
    opted_out: bool


def person(seed: int, number: int) -> Person:
    """Invent somebody; the number tells them from all others of the seed."""
    chance = Random(f"{seed}/{number}")
    draw = chance.random
    first, last = _one(FIRST, draw()), _one(LAST, draw())
    name = f"{_plain(first)}.{_plain(last)}{number}"
    return Person(
        first_name=first,
        last_name=last,
        email=f"{name}@example.com",
        other_email=f"{name}@example.org",
        phone=f"+919{number:09d}",
        other_phone=f"+918{number:09d}",
        company=f"{_one(LAST, draw())} {_one(TRADES, draw())}",
        job_title=_one(TITLES, draw()) if draw() < 0.7 else None,
        city=_one(CITIES, draw()),
        exhibition=_one(FAIRS, draw()) if draw() < 0.8 else None,
        description=_one(NOTES, draw()) if draw() < 0.5 else None,
        status=_one(STATUSES, draw()),
        opted_out=draw() < 0.03,
    )


def _one(words: tuple[str, ...], drawn: float) -> str:
    return words[int(drawn * len(words))]


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in letters if letter.isalpha())
