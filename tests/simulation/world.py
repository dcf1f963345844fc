"""The world of one schedule: people edit, webhooks and writes arrive, workers step, clocks tick, in random order."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sync_system.domain.fields import Value
from tests.simulation.intake import Witness, take_in
from tests.simulation.lead import FIELDS, RULES, TIMEOUT, TYPED, etag_of, own_form, stored
from tests.simulation.ledger import Ledger
from tests.simulation.people import People, looks_like_ours
from tests.simulation.systems import KINDS_OF_WEBHOOK, Network, System, Told, Webhook
from tests.simulation.workers import Answer, Delivery, Request, Worker

Action = tuple[str, Any]
MOST_WRITES_TO_SETTLE = 150
QUIET_TICKS = 80
MOST_TICKS_TO_SETTLE = 3_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What is the same in every schedule of a kind of world; what is None is drawn for each.

    `ties`: two changes of a row may share a stamp. `unique`: no value is typed twice. `fields`: what people edit.
    `corrected`: half-way all clocks are put right.
    """

    name: str = "coarse-mixed"
    fields: tuple[str, ...] = FIELDS
    ties: bool = True
    unique: bool = False
    corrected: bool = False
    tells: tuple[Told, ...] | None = None
    precision: tuple[int, ...] | None = None
    skew: tuple[int, ...] | None = None
    stamped: tuple[bool, ...] | None = None
    conditional: bool = False


def build_systems(rng: random.Random, number: int, kind: Kind) -> list[System]:
    """Draw the systems of one schedule."""
    tells = kind.tells or [rng.choice(KINDS_OF_WEBHOOK) for _ in range(number)]
    precision = kind.precision or [rng.choice([1, 1, 4]) for _ in range(number)]
    skew = kind.skew or [rng.choice([0, 0, rng.randint(-5, 5)]) for _ in range(number)]
    stamped = kind.stamped or [rng.random() < 0.5 for _ in range(number)]
    return [System(s, tells[s], precision[s], skew[s], stamped[s], kind.conditional) for s in range(number)]


def silent(*_: object) -> None:
    """Say nothing."""


@dataclass(slots=True)
class World:
    """One schedule. `now` in seconds; `say` is told each step of the story."""

    rng: random.Random
    number: int
    kind: Kind = field(default_factory=Kind)
    say: Callable[..., None] = silent
    now: int = 50
    writes: int = 0
    writes_at_last_edit: int = 0
    at_rest: bool = False
    written: Counter[int] = field(default_factory=Counter)
    systems: list[System] = field(init=False)
    network: Network = field(init=False)
    people: People = field(default_factory=People)
    ledger: Ledger = field(init=False)
    witness: Witness = field(init=False)
    delivery: Delivery = field(init=False)

    def __post_init__(self) -> None:
        self.systems = build_systems(self.rng, self.number, self.kind)
        self.network, self.ledger = Network(self.rng), Ledger(self.number)
        self.witness = Witness(self.ledger, self.people)
        self.delivery = Delivery(self.ledger, self.witness, self.systems)

    @property
    def writes_since(self) -> int:
        """How many writes the last edit has cost."""
        return self.writes - self.writes_at_last_edit

    # ---- what happens in the systems
    def person(self, number: int, name: str, x: Value) -> None:
        """Let a person type an own value into a system."""
        system, x = self.systems[number], stored(number, name, x)
        if system.values[name] == x:
            return
        self._apart()
        sent = [q.intent.diff[name] for q in self.delivery.requests if q.system == number and name in q.intent.diff]
        rule, link = RULES[number].fields[name], self.ledger.links[number]
        ambiguous = looks_like_ours(link, rule, x, system.clock(self.now), sent)
        ghost = self.people.types(system, name, x, self.now, ambiguous=ambiguous)
        self.writes_at_last_edit = self.writes
        self.say(f"t={self.now} person in S{number}: {name}={x} over {system.values[name]}")
        self._write(system, {name: x}, {name: ghost})

    def _apart(self) -> None:
        if not self.kind.ties:
            self.now += 1

    def _write(self, system: System, changes: dict[str, Value], ghosts: dict[str, Any]) -> None:
        changed = system.write(changes, ghosts, self.now)
        if changed:
            self.people.restate(system)
            self.network.send(system.tell(self.network.next_id(), changed))

    def arrive(self, request: Request, lost: str | None = None) -> None:
        """Let a write reach its system, or get lost on the way there ("before") or back ("after")."""
        self.delivery.requests.remove(request)
        system, worker = self.systems[request.system], request.worker
        self._apart()
        if lost == "before":
            worker.answer = Answer("uncertain")
            return
        self.writes += 1
        self.written[system.number] += 1
        if system.conditional and request.intent.etag not in (None, etag_of(system.etag)):
            worker.answer = Answer("conflict")
            return
        self._write(system, request.intent.diff, request.ghosts)
        self.say(f"t={self.now} S{system.number} commits {request.intent.diff} @ {system.at} lost={lost}")
        answer = Answer("ok", system.at, system.etag, dict(system.values))
        worker.answer = Answer("uncertain") if lost else answer

    # ---- what happens in sync-system
    def deliver(self, webhook: Webhook) -> None:
        """Take in a webhook, once; one that only says "it changed" makes us fetch the row now."""
        if webhook.id in self.network.delivered:
            return
        self.network.delivered.add(webhook.id)
        system = self.systems[webhook.system]
        told = system.snapshot(webhook.id) if system.tells == "bare" else webhook
        receipts = take_in(self.witness, system, told, self.now)
        self.say(f"t={self.now} from S{system.number} @ {told.at}: {told.values}", [r.row.name for r in receipts])
        self.ledger.plan()

    def claim(self, number: int) -> Worker:
        """Let a worker claim a system's waiting transaction."""
        worker = self.delivery.claim(number, self.now)
        self.say(f"t={self.now} claim for S{number}: {worker.stage} {worker.intent and worker.intent.diff}")
        return worker

    def step(self, worker: Worker) -> None:
        """Let a worker do its next step."""
        self.say(f"t={self.now} worker of S{worker.system}: {worker.stage}", worker.row and worker.row.values)
        self.delivery.step(worker, self.now)

    def expire(self, number: int) -> None:
        """Take back a claim whose lease is over."""
        self.say(f"t={self.now} lease of S{number} is over")
        self.delivery.expire(number)

    # ---- the schedule
    def actions(self) -> list[Action]:
        """Return everything that may happen next."""
        ledger, delivery = self.ledger, self.delivery
        return [
            *(("deliver", webhook) for webhook in self.network.under_way),
            *(("claim", s) for s in sorted(ledger.waiting) if s not in ledger.processing),
            *(("step", w) for w in delivery.workers if w.stage != "sent" or w.answer),
            *(("arrive", request) for request in delivery.requests),
            *(("expire", s) for s, (_, until) in ledger.processing.items() if self.now > until),
        ]

    def act(self, what: str, subject: Any, *, faults: bool) -> None:
        """Do one thing; with `faults`, webhooks repeat, workers crash and replies get lost."""
        if what == "deliver":
            if not (faults and self.rng.random() < 0.15):
                self.network.under_way.remove(subject)
            self.deliver(subject)
        elif what == "step" and faults and self.rng.random() < 0.05:
            self.say(f"t={self.now} worker of S{subject.system} crashes")
            self.delivery.workers.remove(subject)
        elif what == "arrive":
            lost = self.rng.choice(["before", "after"]) if faults and self.rng.random() < 0.1 else None
            self.arrive(subject, lost)
        else:
            do: dict[str, Callable[[Any], object]] = {"claim": self.claim, "step": self.step, "expire": self.expire}
            do[what](subject)

    def tick(self, *, faults: bool, chance: float = 1) -> bool:
        """Let one thing happen, or nothing; return whether anything could. No request outlives its time-out."""
        overdue = next((q for q in self.delivery.requests if self.now - q.born >= TIMEOUT), None)
        actions = self.actions()
        if overdue:
            self.arrive(overdue)
        elif actions and self.rng.random() < chance:
            self.act(*self.rng.choice(actions), faults=faults)
        return bool(actions)

    def run(self, edits: int, *, faults: bool, steps: int = 120) -> None:
        """Let people make up to so many edits while everything else goes on, then let it come to rest."""
        for i in range(steps):
            self.now += self.rng.choice([0, 1, 1, 2])
            if self.kind.corrected and i == steps // 2:
                for system in self.systems:
                    system.skew = 0
            if edits and self.rng.random() < 0.25:
                name, number = self.rng.choice(self.kind.fields), self.rng.randrange(self.number)
                edits -= 1
                value = f"u{edits}{name}" if self.kind.unique else self.rng.choice(TYPED[name])
                self.person(number, name, own_form(number, name, value))
            self.tick(faults=faults, chance=0.75)
        self.drain()

    def drain(self) -> None:
        """Go on without people and faults until all is quiet, or until it is plain that it never will be."""
        start, quiet, ticks = self.writes, 0, 0
        while quiet < QUIET_TICKS and ticks < MOST_TICKS_TO_SETTLE and self.writes - start <= MOST_WRITES_TO_SETTLE:
            self.now += 1
            ticks += 1
            quiet = 0 if self.tick(faults=False) or self.ledger.processing else quiet + 1
        self.at_rest = quiet >= QUIET_TICKS
