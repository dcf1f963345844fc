"""Delivery's workers: they claim, look, send and settle one step at a time, and may die or be late at each."""

from dataclasses import dataclass, field

from sync_system.domain import decisions
from sync_system.domain.fields import Value
from sync_system.domain.link import Intent
from sync_system.domain.observe import Row
from sync_system.domain.settle import Reply
from tests.simulation.intake import Witness, take_in
from tests.simulation.lead import LEASE, RANKS, RULES, UNIT, etag_of
from tests.simulation.ledger import Ledger
from tests.simulation.systems import Ghost, System, Webhook


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request. `kind`: ok, uncertain or conflict; `at` in microseconds of the system's clock."""

    kind: str
    at: int = 0
    etag: int = 0
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Worker:
    """One worker with one claim. Stages: look, looked, claimed, sent. `until`: the end of its lease, in seconds."""

    token: int
    system: int
    until: int
    stage: str = "look"
    intent: Intent | None = None
    ghosts: dict[str, Ghost] = field(default_factory=dict)
    row: Webhook | None = None
    revision: int = 0
    answer: Answer | None = None


@dataclass(slots=True, eq=False)
class Request:
    """A write on its way to a system."""

    worker: Worker
    intent: Intent
    ghosts: dict[str, Ghost]
    born: int

    @property
    def system(self) -> int:
        """The number of the system that it is for."""
        return self.worker.system


@dataclass(slots=True)
class Delivery:
    """All workers and requests; what they decide, production decides."""

    ledger: Ledger
    witness: Witness
    systems: list[System]
    workers: list[Worker] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    looks: int = 0

    def claim(self, number: int, now: int) -> Worker:
        """Claim a system's transaction for a new worker."""
        until = now + LEASE
        worker = Worker(self.ledger.claim(number, until), number, until)
        self.workers.append(worker)
        self._decide(worker, now)
        return worker

    def _decide(self, worker: Worker, now: int) -> None:
        number, ledger = worker.system, self.ledger
        claimed = decisions.claim(
            ledger.record, ledger.links[number], RULES[number], worker.token, now * UNIT, worker.until * UNIT
        )
        worker.stage = "look" if claimed.look else "claimed"
        worker.intent, worker.ghosts = claimed.intent, dict(self.witness.people.shown)
        if claimed.intent is not None:
            ledger.intend(number, claimed.intent)

    def step(self, worker: Worker, now: int) -> None:
        """Let a worker do its next step."""
        if worker.stage == "look":
            self._look(worker)
        elif worker.stage == "looked":
            self._looked(worker, now)
        elif worker.stage == "claimed":
            self._send(worker, now)
        elif worker.answer is not None:
            self._settle(worker, worker.answer, now)

    def _look(self, worker: Worker) -> None:
        self.looks += 1
        worker.row, worker.stage = self.systems[worker.system].snapshot(0), "looked"
        worker.revision = self.ledger.links[worker.system].revision

    def _looked(self, worker: Worker, now: int) -> None:
        """Something that arrived since the look began may be newer than what it saw: then look again."""
        number, ledger = worker.system, self.ledger
        if not ledger.owns(number, worker.token):
            return self.workers.remove(worker)
        if worker.row is None or worker.revision != ledger.links[number].revision:
            worker.stage = "look"
            return None
        take_in(self.witness, self.systems[number], worker.row, now, looked=True)
        ledger.plan()
        ledger.waiting.discard(number)
        return self._decide(worker, now)

    def _send(self, worker: Worker, now: int) -> None:
        if worker.intent is None:
            return self._finish(worker)
        if now > worker.until:
            return self.workers.remove(worker)
        worker.stage = "sent"
        return self.requests.append(Request(worker, worker.intent, worker.ghosts, now))

    def _settle(self, worker: Worker, answer: Answer, now: int) -> None:
        number, ledger, intent = worker.system, self.ledger, worker.intent
        if intent is None or not ledger.owns(number, worker.token):
            return self.workers.remove(worker)
        if answer.kind == "ok":
            self._done(worker, intent, answer, now)
        else:
            ledger.waiting.add(number)
            decide = decisions.conflicted if answer.kind == "conflict" else decisions.left_open
            decide(ledger.links[number], intent)
        ledger.store(number)
        return self._finish(worker)

    def _done(self, worker: Worker, intent: Intent, answer: Answer, now: int) -> None:
        number, ledger = worker.system, self.ledger
        link, system, witness = ledger.links[number], self.systems[number], self.witness
        before = witness.before(number)
        untouched = {n for n in intent.diff if (held := link.held(n)) and held.rev == intent.base[n][0]}
        at = answer.at if system.stamped else None
        reply = Reply(now * UNIT, at, {n: answer.values[n] for n in intent.diff}, etag=etag_of(answer.etag))
        receipts = decisions.done(ledger.record, link, RULES[number], intent, reply, RANKS)
        for receipt in receipts:
            if receipt.row is Row.OVER_OUR_WRITE:
                now_there = system.ghosts[receipt.field]
                last = witness.confirmed.get((number, receipt.field), now_there)
                ghost = last if receipt.field in untouched else now_there
                witness.attribute(number, receipt.field, before, ghost, first=ghost)

    def _finish(self, worker: Worker) -> None:
        if self.ledger.owns(worker.system, worker.token):
            self.ledger.close(worker.system)
        self.workers.remove(worker)
        self.ledger.plan()

    def expire(self, number: int) -> None:
        """Take a claim back whose lease is over: its worker may be dead, or late."""
        ledger = self.ledger
        decisions.left_open(ledger.links[number], ledger.intents.get(number))
        ledger.close(number)
        ledger.waiting.add(number)
        ledger.store(number)
