"""Who stands on which side and how often: pairs, doubles, rows that point at two people, refused rows, and the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random
from typing import Literal

Side = Literal["application", "crm"]
SIDES: tuple[Side, Side] = ("application", "crm")

# In 20,000 rows a side.
WHOLE = 20_000
PAIRS = 12_000
DOUBLES = 150
CROSSINGS = 100
REFUSED = 50
SMALLEST = 100


class Role(StrEnum):
    """Why a row is there."""

    PAIR = "pair"  # its person has one row on each side
    DOUBLE = "double"  # its person has two rows on one side
    CROSSING = "crossing"  # its email is one person's and its phone another's
    CROSSED = "crossed"  # its person is pointed at by such a row on the other side
    REFUSED = "refused"  # a value of it cannot be read, and its person stands on no other side
    ONLY = "only"  # its person stands on no other side


@dataclass(frozen=True, slots=True)
class Part:
    """One row before it is typed: whose it is, and whose email and phone stand in it."""

    person: int
    role: Role
    email_of: int
    phone_of: int
    second: Literal["by email", "by phone"] | None = None  # a double: what it has in common with the first row


Cast = Mapping[Side, list[Part]]


def cast(seed: int, each: int) -> Cast:
    """Give out the roles of so many rows a side; each side has them in an order of its own."""
    if each < SMALLEST:
        raise ValueError(f"a population has at least {SMALLEST} rows a side, not {each}")
    numbers, parts = count(1), {side: list[Part]() for side in SIDES}
    for _ in range(_scaled(PAIRS, each)):
        number = next(numbers)
        for side in SIDES:
            parts[side].append(_part(number, Role.PAIR))
    for side in SIDES:
        _add_ambiguous(side, each, numbers, parts)
        parts[side] += [_part(next(numbers), Role.REFUSED) for _ in range(_scaled(REFUSED, each))]
    for side in SIDES:
        parts[side] += [_part(next(numbers), Role.ONLY) for _ in range(each - len(parts[side]))]
        Random(f"{seed}/{side}").shuffle(parts[side])
    return parts


def _add_ambiguous(side: Side, each: int, numbers: "count[int]", parts: Cast) -> None:
    [other] = set(SIDES) - {side}
    for place in range(_scaled(DOUBLES, each)):
        # The CRM allows no two contacts with one email.
        second: Literal["by email", "by phone"] = "by email" if side == "application" and place % 4 < 2 else "by phone"
        number = next(numbers)
        parts[side] += [_part(number, Role.DOUBLE), Part(number, Role.DOUBLE, number, number, second)]
        if place % 2 == 0:
            parts[other].append(_part(number, Role.DOUBLE))
    for _ in range(_scaled(CROSSINGS, each)):
        own, one, another = (next(numbers) for _ in range(3))
        parts[side].append(Part(own, Role.CROSSING, one, another))
        parts[other] += [_part(number, Role.CROSSED) for number in (one, another)]


def _part(number: int, role: Role) -> Part:
    return Part(number, role, number, number)


def _scaled(rows: int, each: int) -> int:
    return max(1, round(rows * each / WHOLE))
