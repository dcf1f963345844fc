"""Prove the rules of the sync on random schedules.

python -m tests.simulation 20000              so many schedules in each kind of world; the last line is JSON
python -m tests.simulation replay SEED KIND   tell the story of one schedule
"""

import json
import sys

from tests.simulation.kinds import KINDS, play
from tests.simulation.sweep import broken, summary, sweep


def tell(*words: object) -> None:
    """Write one step of a story."""
    sys.stdout.write(" ".join(str(word) for word in words if word is not None) + "\n")


def replay(seed: int, kind: str) -> int:
    """Tell the story of one schedule; return 1 if it ended badly."""
    world, outcome = play(seed, KINDS[kind], tell)
    for system in world.systems:
        tell(f"S{system.number} ({system.tells}, skew {system.skew}, tick {system.precision}):", system.values)
    tell("record:", world.ledger.record.fields)
    tell("verdict:", outcome.verdict or "converged, nobody wronged")
    return int(outcome.verdict is not None)


def prove(schedules: int) -> int:
    """Play schedules of all kinds; return 1 if a promise is broken."""
    tallies = sweep(schedules)
    wrong = broken(tallies)
    sys.stderr.writelines(f"BROKEN: {sentence}\n" for sentence in wrong)
    tell(json.dumps(summary(tallies)))
    return int(bool(wrong))


def main(words: list[str]) -> int:
    """Read the command line."""
    match words:
        case [number] if number.isdigit():
            return prove(int(number))
        case ["replay", seed, kind] if seed.isdigit() and kind in KINDS:
            return replay(int(seed), kind)
    sys.stderr.write(f"{__doc__}\nKINDs: {', '.join(KINDS)}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
