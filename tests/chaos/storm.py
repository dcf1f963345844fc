"""A storm: faults and traffic all the time, a blow in every round, and at the end a count by SQL on both databases."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from sync_system.sandbox.nodes import private_postgres
from sync_system.sandbox.stack import Stack
from tests.chaos.blows import ON_POSTGRES, ON_SQLITE, Blow, Ground
from tests.chaos.traffic import Traffic
from tests.configured import configured
from tests.e2e.ledger import number
from tests.e2e.waiting import quiet

# A claim outlives a call that hangs; what fails is tried again every second.
SYSTEM = {
    "timeout": "2s",
    "delivery": {"lease": "6s"},
    "replay": {"schedule": "every 1s", "max_attempts": 8},
}
CHANGES: Mapping[str, Any] = {"systems": {"application": SYSTEM, "crm": SYSTEM}, "intake": {"batch": 100}}
FAULTS: Sequence[Mapping[str, Any]] = (
    {"kind": "slow", "share": 0.2, "seconds": 0.3},
    {"kind": "lost_reply", "only": "write", "share": 0.04},
    {"kind": "malformed", "only": "write", "share": 0.01},
    {"kind": "hang_after", "only": "write", "share": 0.01, "seconds": 5},
    {"kind": "hang_before", "share": 0.01, "seconds": 5},
    {"kind": "drop", "share": 0.02},
    {"kind": "limited", "share": 0.002, "retry_after": 1},
    {"kind": "status", "status": 500, "share": 0.03},
    {"kind": "status", "status": 502, "share": 0.01},
    {"kind": "locked", "share": 0.01},
    {"kind": "record_error", "share": 0.005},
)
# One process polls: two would ask twice for the same.
ROLES = [word for role in ("intake", "delivery", "replay", "api") for word in ("--role", role)]
# A quorum queue that loses its node within 2 s of its declaration comes back empty and without a leader.
DECLARED_SECONDS = 3.0
TRIES = 20
STILL = 8
PATIENCE = 150.0
LEFT = "SELECT count(*) FROM transactions WHERE state IN ('pending', 'processing', 'failed', 'parked')"
REJECTED = "SELECT count(*) FROM events WHERE outcome = 'invalid'"


@dataclass(frozen=True, slots=True)
class Round:
    """One round. `seconds`: from the blow until all had arrived that was typed before it was over; None: it never did."""

    number: int
    hit: str
    met: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was counted; `ok` if nothing is lost, doubled, different, stuck or rejected."""

    ok: bool
    rounds: int
    leads: int
    lost: int
    duplicates: int
    differences: int
    stuck: int
    rejected: int
    p99_s: float

    def document(self) -> dict[str, Any]:
        """Return it as a line of JSON holds it."""
        return asdict(self)


class Storm:
    """One run on a stack; `show` is told of every round."""

    def __init__(self, ground: Ground, seed: int, show: Callable[[Round], None]) -> None:
        self.ground, self.stack, self.show = ground, ground.stack, show
        self._chance, self.traffic = Random(seed), Traffic(ground.stack, seed)
        self.missing: list[str] = []
        self._blows = ON_SQLITE if ground.postgres is None else ON_POSTGRES

    def run(self, rounds: int) -> Verdict:
        """Play so many rounds, let all settle, and count."""
        for system in (self.stack.application, self.stack.crm):
            for fault in FAULTS:
                system.order(**fault)
        self.traffic.start()
        try:
            for place, hit in enumerate(self._drawn(rounds), 1):
                self.show(self._round(place, hit))
            self._settle()
        finally:
            self.traffic.stop()
        return self._count(rounds)

    def _drawn(self, rounds: int) -> Iterator[str]:
        """Draw the blows: each once before any comes again."""
        names: list[str] = []
        for _ in range(rounds):
            if not names:
                names = self._chance.sample(sorted(self._blows), len(self._blows))
            yield names.pop()

    def _round(self, place: int, hit: str) -> Round:
        for _ in range(TRIES):
            if (met := self._strike(self._blows[hit])) is not None:
                over = time.monotonic()
                return Round(place, hit, met, self._arrive(over))
        raise RuntimeError(f"{hit}: it never met anything")

    def _strike(self, blow: Blow) -> str | None:
        """Hit at a random moment; None if that met nothing."""
        time.sleep(DECLARED_SECONDS + self._chance.random() * 2)
        self.ground.freeze()
        met = self.ground.look()
        if not met:
            self.ground.thaw()
            return None
        more = blow(self.ground, met)
        return None if "none" in more else f"{met}{more}"

    def _arrive(self, over: float) -> float | None:
        while self.traffic.on_its_way(over):
            self.ground.check()
            if time.monotonic() - over > PATIENCE:
                self.missing += self.traffic.missing(over)
                return None
            time.sleep(0.1)
        return time.monotonic() - over

    def _settle(self) -> None:
        for system in (self.stack.application, self.stack.crm):
            system.lift()
        self.traffic.rest()
        deadline, still = time.monotonic() + PATIENCE, 0
        while time.monotonic() < deadline and still < STILL:
            self.ground.check()
            # Once is not enough: what has just been handed out stands neither in a queue nor in the ledger.
            still = still + 1 if quiet(self.stack) and not self.traffic.on_its_way(time.monotonic()) else 0
            time.sleep(0.5)

    def _count(self, rounds: int) -> Verdict:
        created = self.stack.folder / "created.txt"
        created.write_text("\n".join(self.traffic.created))
        counted = self.stack.recount(created)
        zeros = {name: int(counted[name]) for name in ("lost", "duplicates", "differences")}
        zeros["lost"] += self.traffic.on_its_way(time.monotonic())  # an edit that never arrived is lost as well
        zeros |= {"stuck": number(self.stack, LEFT), "rejected": number(self.stack, REJECTED)}
        p99 = statistics.quantiles(self.traffic.arrivals, n=100)[98]
        return Verdict(not any(zeros.values()), rounds, counted["leads"], **zeros, p99_s=round(p99, 2))


@contextmanager
def ground(folder: Path, database: str) -> Iterator[Ground]:
    """Give a stack of its own with two processes of the service, on `postgresql` or `sqlite`."""
    configuration = folder / "sync.yaml"
    configuration.write_text(configured(CHANGES))
    with ExitStack() as parts:
        node = None
        if database == "postgresql":
            folder_of_it = folder / "postgres"
            node = parts.enter_context(private_postgres(folder_of_it, controllable=True, durable=True))
        url = node.url.replace("postgresql://", "postgresql+asyncpg://") if node else None
        stack = parts.enter_context(Stack(folder, database=url, own_broker=True, configuration=configuration))
        stack.service.up()
        second = stack.another_service(*ROLES)
        second.up()
        yield Ground(stack, [stack.service, second], node)
