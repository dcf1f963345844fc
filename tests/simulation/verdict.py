"""The verdict on a schedule: does every system hold the record, was nobody wronged, did the writing come to an end?"""

from dataclasses import dataclass
from enum import StrEnum

from sync_system.domain.fields import Value
from tests.simulation.lead import FIELDS, own_form, stored
from tests.simulation.people import NOWHERE, Edit
from tests.simulation.systems import Ghost
from tests.simulation.world import World

ENDLESS = 60  # writes after the last edit


class Fault(StrEnum):
    """What can be wrong with the end of a schedule."""

    NOT_CONVERGED = "not_converged"
    UNFAIR = "unfair"
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fault, and where it shows."""

    fault: Fault
    why: str


def verdict(world: World) -> Verdict | None:
    """Judge a schedule that has come to rest; None if nothing is wrong."""
    if world.writes_since > ENDLESS or not world.at_rest:
        return Verdict(Fault.ENDLESS, f"no rest after {world.writes_since} writes since the last edit")
    record = world.ledger.record.fields
    for system in world.systems:
        for name in FIELDS:
            x = system.values[name]
            if x != stored(system.number, name, own_form(system.number, name, record[name])):
                return Verdict(Fault.NOT_CONVERGED, f"S{system.number}.{name} is {x}, the record has {record[name]}")
    if world.kind.corrected:
        return None
    for name in FIELDS:
        if wronged := Fairness(world, name).wronged():
            return Verdict(Fault.UNFAIR, f"the record has {name}={record[name]}, but {wronged}")
    return None


class Fairness:
    """Whether a field shows a value that no later edit, unaware of it, should have replaced."""

    def __init__(self, world: World, name: str) -> None:
        self.all = world.people.edits
        self.edits = [edit for edit in self.all.values() if edit.name == name]
        self.name, self.value = name, world.ledger.record.fields[name]

    def wronged(self) -> list[Edit]:
        """Return the edits that were unfairly lost; none if what the record shows is fair."""
        lost = [e for e in self.edits if e.seen and not e.ambiguous and not self.kept(e)]
        if self.name == "opt_out":
            since = self._taken_back()
            return [e for e in lost if e.x and e.at > since]
        shown = [e for e in self.edits if self.kept(e) and not self.superseded(e)]
        fair = any(all(q.at <= max(e.upper, e.effective) for q in lost) for e in shown)
        return [] if fair else lost

    def kept(self, edit: Edit) -> bool:
        """Whether the record shows what an edit typed, as far as its own system can tell."""
        return self._as_in(edit.system) == edit.x

    def _as_in(self, number: int) -> Value:
        if number == NOWHERE:
            return self.value
        return stored(number, self.name, own_form(number, self.name, self.value))

    def superseded(self, edit: Edit) -> bool:
        """Whether somebody knowingly typed over an edit, and that is not shown or was itself typed over."""
        known = [o for o in self._over(edit.over) if o.seen and not o.ambiguous and not self.kept(o)]
        return bool(known) or any(self.superseded(o) for o in self._over(edit.over))

    def _over(self, ghosts: list[Ghost]) -> list[Edit]:
        return [self.all[ghost] for ghost in ghosts]

    def _taken_back(self) -> int:
        """Return when the newest opt-out was typed that a person has typed over, -1 if none was."""
        opted_out = [e for e in self.edits if e.x and any(not o.x for o in self._over(e.over))]
        return max((e.at for e in opted_out), default=-1)
