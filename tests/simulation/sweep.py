"""Many schedules of every kind of world on all cores, and the figures that they must keep within."""

import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.kinds import BEYOND_SKEW, COINCIDENT, DISTINCT, KINDS, Outcome, play
from tests.simulation.verdict import Fault
from tests.simulation.world import Kind

# Coincidences that no rule can tell apart from outside: a person types the very value that we are writing at that
# moment, or two changes carry one stamp. The specification's own figures: 0.24 to 0.42 %, and 1 in 90,000.
MOST_UNFAIR = 0.007
MOST_UNFAIR_FINE = 2 / 20_000
CHUNK = 100


@dataclass(slots=True)
class Tally:
    """The sum of many outcomes. `first`: for each fault the schedules to replay."""

    schedules: int = 0
    faults: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    first: list[str] = field(default_factory=list)
    writes: int = 0
    looks: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.writes += outcome.writes
        self.looks += outcome.looks
        if outcome.verdict is not None:
            self.faults[outcome.verdict.fault] += 1
            self.first.append(f"replay {outcome.seed} {outcome.kind}: {outcome.verdict.why}")

    def __add__(self, other: "Tally") -> "Tally":
        faults = {fault: self.faults[fault] + other.faults[fault] for fault in Fault}
        first, schedules = [*self.first, *other.first], self.schedules + other.schedules
        return Tally(schedules, faults, first, self.writes + other.writes, self.looks + other.looks)

    def line(self, name: str) -> str:
        """Return a line for people, with the first schedule that went wrong."""
        counts = ", ".join(f"{fault} {count}" for fault, count in self.faults.items())
        costs = f"{self.writes / self.schedules:.2f} writes and {self.looks / self.schedules:.2f} looks a schedule"
        return "\n    ".join([f"{name}: {self.schedules} schedules, {counts}, {costs}", *self.first[:1]])


def outcomes(kind: Kind, seeds: range) -> Iterator[Outcome]:
    """Play the schedules of one kind on all cores."""
    todo = ((seed, kind.name) for seed in seeds)
    with multiprocessing.Pool() as pool:
        yield from pool.imap_unordered(_outcome, todo, CHUNK)


def _outcome(which: tuple[int, str]) -> Outcome:
    seed, name = which
    return play(seed, KINDS[name])[1]


def sweep(schedules: int) -> dict[str, Tally]:
    """Play so many schedules of each kind; progress goes to stderr."""
    tallies = {}
    for kind in KINDS.values():
        tally = tallies[kind.name] = Tally()
        for outcome in outcomes(kind, range(schedules)):
            tally.add(outcome)
            if not tally.schedules % 500:
                sys.stderr.write(f"\r{kind.name}: {tally.schedules} of {schedules}")
        sys.stderr.write(f"\r{tally.line(kind.name)}\n")
    return tallies


def together(tallies: dict[str, Tally], kinds: Iterable[Kind]) -> Tally:
    """Return the sum over some kinds of world."""
    return sum((tallies[kind.name] for kind in kinds), Tally())


def summary(tallies: dict[str, Tally]) -> dict[str, Any]:
    """Return the figures that are promised; a clock beyond the skew, which the rules exclude, stands apart."""
    distinct, coincident = together(tallies, DISTINCT), together(tallies, COINCIDENT)
    judged, beyond = distinct + coincident, together(tallies, BEYOND_SKEW)
    return {
        "schedules": judged.schedules,
        "not_converged": judged.faults[Fault.NOT_CONVERGED],
        "endless": judged.faults[Fault.ENDLESS],
        "unfair": coincident.faults[Fault.UNFAIR],
        "unfair_fine": distinct.faults[Fault.UNFAIR],
        "writes": judged.writes,
        "looks": judged.looks,
        "clock_beyond_skew": {
            "schedules": beyond.schedules,
            "not_converged": beyond.faults[Fault.NOT_CONVERGED],
            "endless": beyond.faults[Fault.ENDLESS],
        },
    }


def broken(tallies: dict[str, Tally]) -> list[str]:
    """Return a sentence for each promise that does not hold."""
    distinct, coincident = together(tallies, DISTINCT), together(tallies, COINCIDENT)
    judged = distinct + coincident
    bounds = {
        "schedules did not converge": (judged.faults[Fault.NOT_CONVERGED], 0),
        "schedules wrote without end": ((judged + together(tallies, BEYOND_SKEW)).faults[Fault.ENDLESS], 0),
        "edits were lost among coincidences": (coincident.faults[Fault.UNFAIR], coincident.schedules * MOST_UNFAIR),
        "edits were lost without a coincidence": (
            distinct.faults[Fault.UNFAIR],
            max(2, distinct.schedules * MOST_UNFAIR_FINE),
        ),
    }
    return [f"{count} {what}, at most {most:g} may" for what, (count, most) in bounds.items() if count > most]
