"""The blows: what is hit, what it was in the middle of, and what an operator does afterwards."""

import json
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sync_system.sandbox.nodes.broker import Node
from sync_system.sandbox.nodes.rabbitmq import RabbitNode
from sync_system.sandbox.stack import Service, Stack
from tests.e2e.ledger import ask
from tests.e2e.waiting import until

# A claim of a dead worker is returned a moment after its lease is over.
RETURNED_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Met:
    """What the service held in the middle of its work: messages it had not acknowledged, claims that were being sent.

    `waiting`: messages that nobody had been handed.
    """

    messages: int
    waiting: int
    claims: Sequence[tuple[int, int]]

    def __bool__(self) -> bool:
        return bool(self.messages or self.claims)

    def __str__(self) -> str:
        return f"{self.messages} unacknowledged, {len(self.claims)} being sent"


@dataclass(slots=True)
class Ground:
    """What can be hit. `services`: all processes of the service."""

    stack: Stack
    services: Sequence[Service]
    postgres: Node | None = None

    @property
    def broker(self) -> RabbitNode:
        """The broker, which must be a private one."""
        if not isinstance(self.stack.broker.private, RabbitNode):
            raise TypeError("the broker cannot be hit: it is not ours")
        return self.stack.broker.private

    def check(self) -> None:
        """Raise if a process of the service has ended that nobody has hit."""
        for service in self.services:
            if not service.running:
                raise RuntimeError(f"the service has ended by itself: {service.log.read_text()[-4000:]}")

    def freeze(self) -> None:
        """Hold all processes of the service as they are."""
        for service in self.services:
            service.send_signal(signal.SIGSTOP)

    def thaw(self, services: Iterable[Service] | None = None) -> None:
        """Let processes go on."""
        for service in self.services if services is None else services:
            service.send_signal(signal.SIGCONT)

    def look(self) -> Met:
        """Return what the frozen service is in the middle of."""
        claims = ask(self.stack, "SELECT id, token FROM transactions WHERE state = 'processing'")
        columns = ("name", "messages_ready", "messages_unacknowledged")
        queues = json.loads(self.broker.ctl("-q", "--formatter", "json", "list_queues", *columns))
        events = [queue for queue in queues if queue["name"].startswith("sync.events.")]
        return Met(
            sum(queue["messages_unacknowledged"] for queue in events),
            sum(queue["messages_ready"] for queue in events),
            [(id, token) for id, token in claims],
        )

    def up(self, services: Iterable[Service]) -> None:
        """Start processes, all at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: service.up(), services))

    def run(self, *words: str) -> str:
        """Run a command of the service's, as an operator does; return what it prints."""
        done = self.stack.service.run(*words)
        if done.returncode not in {0, 3}:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-500:]}")
        return done.stdout


def broker_restarted(ground: Ground, met: Met) -> str:
    """Stop the broker in good order, and start it."""
    ground.broker.stop()
    ground.thaw()
    ground.broker.start()
    return ""


def broker_killed(ground: Ground, met: Met) -> str:
    """Kill the broker, and start it."""
    ground.broker.kill()
    ground.thaw()
    ground.broker.start()
    return ""


def broker_wiped(ground: Ground, met: Met) -> str:
    """Lose the broker's machine, the service's processes with it: what was published and not taken in is gone.

    The rows that those messages told of still stand: `compare --repair` looks at them.
    """
    for service in ground.services:
        service.kill()
    ground.broker.wipe()
    ground.broker.start()
    ground.up(ground.services)
    ground.run("recover")
    ground.run("compare", "--repair", "--limit", "0")
    return f", {met.messages + met.waiting} messages gone for good"


def database_restarted(ground: Ground, met: Met) -> str:
    """Stop the database, dropping its clients, and start it."""
    if ground.postgres is None:
        raise TypeError("SQLite has no process that could be restarted")
    ground.postgres.stop()
    ground.thaw()
    ground.postgres.start()
    return ""


def database_killed(ground: Ground, met: Met) -> str:
    """Kill the database's processes; the next start recovers from its log."""
    if ground.postgres is None:
        raise TypeError("SQLite has no process that could be killed")
    ground.postgres.kill()
    ground.thaw()
    ground.postgres.start()
    return ""


def service_killed(ground: Ground, met: Met) -> str:
    """Kill all processes of the service, and start them."""
    for service in ground.services:
        service.kill()
    ground.up(ground.services)
    return ""


def one_killed(ground: Ground, met: Met) -> str:
    """Kill one process of the service; the others go on, and take over what it had claimed."""
    victim, *others = ground.services[::-1]
    victim.kill()
    ground.thaw(others)
    tokens = {token for _, token in met.claims}

    def returned() -> list[int]:
        query = "SELECT token FROM results WHERE outcome = 'expired' ORDER BY at DESC LIMIT 1000"
        left = ask(ground.stack, "SELECT token FROM transactions WHERE state = 'processing'")
        found = [token for (token,) in ask(ground.stack, query) if token in tokens]
        return found or ([-1] if not tokens & {token for (token,) in left} else [])

    took_over = until(returned, "the claims are returned", RETURNED_SECONDS, pause=0.3)
    ground.up([victim])
    return f", {len(took_over)} of them the dead one's" if took_over != [-1] else ", none of them the dead one's"


Blow = Callable[[Ground, Met], str]
ON_SQLITE: Mapping[str, Blow] = {
    "broker restarted": broker_restarted,
    "broker killed": broker_killed,
    "broker's data deleted": broker_wiped,
    "service killed": service_killed,
    "one of two killed": one_killed,
}
ON_POSTGRES: Mapping[str, Blow] = {
    **ON_SQLITE,
    "database restarted": database_restarted,
    "database killed": database_killed,
}
