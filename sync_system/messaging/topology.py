"""What stands in the broker, as data: exchanges, queues and bindings, declared the same way by everybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EVENTS = "sync.events"
HINTS = "sync.hints"
REJECTED = "sync.rejected"

# A quorum queue counts every death of a consumer as a delivery; RabbitMQ 4 drops a message at 20, and the sixth kill -9
# with a limit of 5 moved 1,000 good messages away. So the limit is out of reach, and what kills is found by us.
DELIVERY_LIMIT = 1_000_000
QUORUM: Mapping[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}


def events_queue(system: str) -> str:
    """Name the queue of what a system reports."""
    return f"{EVENTS}.{system}"


def failed_queue(system: str) -> str:
    """Name the queue of what failed on its way to a system."""
    return f"sync.failed.{system}"


def routing_key(system: str, object: str, verb: str) -> str:
    """Name the address that a system's events are published to."""
    return f"{system}.{object}.{verb}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange as it is declared."""

    name: str
    type: str
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue, and the routing keys of `sync.events` that lead to it."""

    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """All that must stand in the broker before anything is published or consumed."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]


def topology(systems: Iterable[str]) -> Topology:
    """Return what the sync of these systems needs."""
    names = tuple(systems)
    return Topology(
        exchanges=(Exchange(EVENTS, "topic"), Exchange(HINTS, "fanout")),
        queues=(
            *(Queue(events_queue(name), (f"{name}.#",)) for name in names),
            *(Queue(failed_queue(name)) for name in names),
            Queue(REJECTED),
        ),
    )
