"""Outages of one side: how they are ordered, who works meanwhile, and what was called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync_system.sandbox.serving.process import PretendSystem
from sync_system.sandbox.stack import Stack

PORTION = 500


@dataclass(frozen=True, slots=True)
class Side:
    """A destination and the side whose people go on working while it is down."""

    destination: str
    down: Callable[[Stack], PretendSystem]
    at_work: Callable[[Stack], Any]
    first_name: str
    edited: str

    def person(self, number: int) -> dict[str, str]:
        """Return somebody as the side at work knows them."""
        return {"email": f"outage{number}@example.com", self.first_name: "Asha"}

    def create(self, stack: Stack, count: int) -> dict[str, str]:
        """Create so many people; return their ids by address."""
        people = [self.person(number) for number in range(count)]
        ids = [
            id
            for start in range(0, count, PORTION)
            for id in self.at_work(stack).create(people[start : start + PORTION])
        ]
        return {person["email"]: str(id) for person, id in zip(people, ids, strict=True)}

    def edit(self, stack: Stack, ids: list[str], text: str) -> None:
        """Type over a field of these people."""
        for start in range(0, len(ids), PORTION):
            self.at_work(stack).edit({id: {self.edited: text} for id in ids[start : start + PORTION]})


CRM = Side("crm", lambda s: s.crm, lambda s: s.application, "firstName", "city")
APPLICATION = Side("application", lambda s: s.application, lambda s: s.crm, "firstname", "city")
# How a system that is down behaves.
SPEECHES: dict[str, dict[str, Any]] = {
    "refused": {},
    "timeouts": {"kind": "hang_before", "seconds": 30.0},
    "errors": {"kind": "status", "status": 500},
}


def break_down(system: PretendSystem, speech: str) -> None:
    """Let a system be down."""
    if speech == "refused":
        system.down(abruptly=True)
    else:
        system.order(**SPEECHES[speech])


def mend(system: PretendSystem, speech: str) -> None:
    """Let a system be up again."""
    if speech == "refused":
        system.up()
    else:
        system.lift()
