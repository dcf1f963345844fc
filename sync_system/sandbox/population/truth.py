"""What is true of a population: kept beside both systems, never shown to the service that has to find it out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sync_system.sandbox.population.casting import Cast, Role, Side

AMBIGUOUS = frozenset({Role.DOUBLE, Role.CROSSING, Role.CROSSED})


@dataclass(frozen=True, slots=True)
class Truth:
    """Who each row is, and what has to become of it; rows by their side's ids, as texts.

    `pairs`: one row here and one there. `ambiguous`: joined by address or number to more than that. `refused`: each with
    the field whose value cannot be read. `only`: the others, alone on their side.
    """

    people: Mapping[Side, Mapping[str, int]]
    pairs: list[tuple[str, str]]
    ambiguous: Mapping[Side, list[str]]
    refused: Mapping[Side, Mapping[str, str]]
    only: Mapping[Side, list[str]]

    def write(self, path: Path) -> None:
        """Write it down as JSON."""
        path.write_text(json.dumps(asdict(self)))


def truth_of(cast: Cast, first: Mapping[Side, int], refused: Mapping[Side, Mapping[str, str]]) -> Truth:
    """Tell the truth of a cast whose rows are numbered from `first` on, as each side has them in order."""
    rows = {side: [(str(id), part) for id, part in enumerate(cast[side], first[side])] for side in cast}

    def of(side: Side, roles: frozenset[Role]) -> list[str]:
        return [id for id, part in rows[side] if part.role in roles]

    crm = {part.person: id for id, part in rows["crm"] if part.role is Role.PAIR}
    return Truth(
        people={side: {id: part.person for id, part in rows[side]} for side in cast},
        pairs=[(id, crm[part.person]) for id, part in rows["application"] if part.role is Role.PAIR],
        ambiguous={side: of(side, AMBIGUOUS) for side in cast},
        refused=refused,
        only={side: of(side, frozenset({Role.ONLY})) for side in cast},
    )
