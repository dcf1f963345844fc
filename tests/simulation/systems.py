"""The systems of the world: a row each, a clock that may be coarse and wrong, and webhooks of three kinds."""

import random
from dataclasses import dataclass, field
from typing import Literal

from sync_system.domain.fields import Value
from tests.simulation.lead import FIELDS, UNIT, first_row, stored

Told = Literal["changed", "snapshot", "bare"]
KINDS_OF_WEBHOOK: tuple[Told, ...] = ("changed", "snapshot", "bare")
Ghost = int | str  # which edit of a person a value stems from; a field's name for what stood at the beginning


@dataclass(frozen=True, slots=True)
class Webhook:
    """One call on its way to us. `values` in own form at `at` of the system's clock (microseconds)."""

    id: int
    system: int
    at: int
    values: dict[str, Value]
    ghosts: dict[str, Ghost]
    etag: int
    exact: bool


@dataclass(slots=True)
class System:
    """One system. `tells`: what its webhooks carry; `stamped`: its replies say when; `conditional`: writes by etag."""

    number: int
    tells: Told
    precision: int
    skew: int
    stamped: bool
    conditional: bool
    values: dict[str, Value] = field(default_factory=dict)
    ghosts: dict[str, Ghost] = field(default_factory=lambda: {name: name for name in FIELDS})
    at: int = 0
    etag: int = 0

    def __post_init__(self) -> None:
        self.values = first_row(self.number)

    def clock(self, now: int) -> int:
        """Return the system's own time, in microseconds, at `now` seconds of ours."""
        return (now + self.skew) // self.precision * self.precision * UNIT

    def write(self, changes: dict[str, Value], ghosts: dict[str, Ghost], now: int) -> dict[str, Value]:
        """Store values and return those that changed; a write that changes nothing leaves no trace."""
        made = {name: stored(self.number, name, x) for name, x in changes.items()}
        changed = {name: x for name, x in made.items() if self.values[name] != x}
        self.values |= changed
        self.ghosts |= {name: ghosts[name] for name in changed}
        if changed:
            self.at, self.etag = self.clock(now), self.etag + 1
        return changed

    def snapshot(self, id: int) -> Webhook:
        """Return the whole row as it stands."""
        return Webhook(id, self.number, self.at, dict(self.values), dict(self.ghosts), self.etag, exact=False)

    def tell(self, id: int, changed: dict[str, Value]) -> Webhook:
        """Return the webhook for a change: only what changed, or the whole row."""
        if self.tells != "changed":
            return self.snapshot(id)
        ghosts = {name: self.ghosts[name] for name in changed}
        return Webhook(id, self.number, self.at, dict(changed), ghosts, self.etag, exact=True)


@dataclass(slots=True)
class Network:
    """The webhooks that are under way. They are repeated, reordered, and at times folded into a later one."""

    rng: random.Random
    under_way: list[Webhook] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)
    last_id: int = 0

    def next_id(self) -> int:
        """Return the id of a new webhook."""
        self.last_id += 1
        return self.last_id

    def send(self, webhook: Webhook) -> None:
        """Put a webhook on its way; it may swallow the one before it of the same row."""
        if self.under_way and self.rng.random() < 0.15:
            old = self.rng.choice(self.under_way)
            follows = old.system == webhook.system and old.etag == webhook.etag - 1
            if follows and old.values.keys() <= webhook.values.keys():
                self.under_way.remove(old)
        self.under_way.append(webhook)
