"""The six kinds of world that schedules are drawn from, and how one schedule of a kind is run."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.verdict import Verdict, verdict
from tests.simulation.world import Kind, World, silent

ALL_FINE = (1, 1, 1)
ALL, NONE = (True, True, True), (False, False, False)

DISTINCT = (
    Kind("fine-stamped", fields=("b",), ties=False, unique=True, precision=ALL_FINE, stamped=ALL),
    Kind("fine-conditional", fields=("b",), ties=False, unique=True, precision=ALL_FINE, stamped=ALL, conditional=True),
    Kind("fine-bare", fields=("b",), ties=False, unique=True, precision=ALL_FINE, stamped=NONE),
)
COINCIDENT = (
    Kind("fine-all-fields", ties=False, precision=ALL_FINE, stamped=ALL),
    Kind("coarse-mixed"),
)
# One clock is five times the skew ahead and put right half-way: outside what the rules assume, and judged apart.
BEYOND_SKEW = (Kind("clock-ahead", skew=(60, 0, 0), corrected=True),)
KINDS = {kind.name: kind for kind in (*DISTINCT, *COINCIDENT, *BEYOND_SKEW)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one schedule ended: its verdict and what it cost."""

    kind: str
    seed: int
    verdict: Verdict | None
    writes: int
    looks: int
    writes_since: int


def play(seed: int, kind: Kind, say: Callable[..., None] = silent) -> tuple[World, Outcome]:
    """Run the schedule that a seed stands for, and judge it."""
    rng = random.Random(seed)
    world = World(rng, rng.choice([2, 3]), kind, say)
    world.run(rng.randint(1, 8), faults=rng.random() < 0.7)
    judged = verdict(world)
    return world, Outcome(kind.name, seed, judged, world.writes, world.delivery.looks, world.writes_since)
