"""What people did in the systems, kept as ghosts: nothing of it decides anything, only the verdict reads it."""

from dataclasses import dataclass, field

from sync_system.domain.fields import Value
from sync_system.domain.link import Link
from sync_system.domain.mapping import FieldRule
from tests.simulation.lead import FIELDS, START
from tests.simulation.systems import Ghost, System

NOWHERE = -1


@dataclass(slots=True)
class Edit:
    """One value that a person typed, at `at` of the system's clock (microseconds).

    `effective`: the same, but later than what it replaced. `upper`: the latest time of its own row that restated it.
    `seen`: a report carried it. `ambiguous`: from outside it cannot be told from our own write. `over`: edits that
    people typed on top of it.
    """

    system: int
    name: str
    x: Value
    at: int
    effective: int
    upper: int = 0
    seen: bool = False
    ambiguous: bool = False
    over: list[Ghost] = field(default_factory=list)


@dataclass(slots=True)
class People:
    """Every edit, and which of them the record's present values stem from."""

    edits: dict[Ghost, Edit] = field(
        default_factory=lambda: {name: Edit(NOWHERE, name, START[name], 0, 0, seen=True) for name in FIELDS}
    )
    shown: dict[str, Ghost] = field(default_factory=lambda: {name: name for name in FIELDS})

    def types(self, system: System, name: str, x: Value, now: int, *, ambiguous: bool) -> int:
        """Note that a person types a value into a system, over what stands there; return its number."""
        number, at = len(self.edits), system.clock(now)
        below = self.edits[system.ghosts[name]]
        self.edits[number] = Edit(system.number, name, x, at, max(at, below.effective + 1), ambiguous=ambiguous)
        below.over.append(number)
        return number

    def restate(self, system: System) -> None:
        """Note that a changed row carries the edits of its own system once more, at a later time."""
        for ghost in system.ghosts.values():
            edit = self.edits[ghost]
            if edit.system == system.number:
                edit.upper = max(edit.upper, system.at, edit.effective)


def looks_like_ours(link: Link, rule: FieldRule, x: Value, at: int, sent: list[Value]) -> bool:
    """Whether a value typed now could as well be a write of ours: one under way (`sent`), open, or held at that time."""
    name = rule.field.name
    if any(rule.is_image(value, x) for value in sent):
        return True
    if any(name in i.diff and rule.is_image(i.diff[name], x) for i in link.intents):
        return True
    return any(h.ours and h.x == x and h.lo <= at <= h.hi for h in link.entries(name))
