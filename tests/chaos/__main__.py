"""`make chaos`: rounds of blows under traffic and faults, a table of them, and a verdict as one line of JSON."""

import os
import sys
import tempfile
from pathlib import Path

import orjson

from tests.chaos.storm import Round, Storm, ground

LINE = "{:>5}  {:<22}  {:<64}  {:>16}\n"


def show(one: Round) -> None:
    """Print a row of the table."""
    seconds = "never" if one.seconds is None else f"{one.seconds:.1f}"
    sys.stdout.write(LINE.format(one.number, one.hit, one.met, seconds))
    sys.stdout.flush()


def main() -> int:
    """Run the storm; exit status 0 only if nothing is lost, doubled, different, stuck or rejected."""
    seed, rounds = int(os.environ.get("SEED", "1")), int(os.environ.get("ROUNDS", "20"))
    database = os.environ.get("DATABASE", "postgresql")
    sys.stdout.write(f"seed {seed}, {rounds} rounds, {database}\n")
    sys.stdout.write(LINE.format("round", "hit", "in the middle of", "seconds to quiet"))
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="sync-chaos-") as folder, ground(Path(folder), database) as place:
        storm = Storm(place, seed, show)
        verdict = storm.run(rounds)
    for edit in storm.missing:
        sys.stdout.write(f"never arrived: {edit}\n")
    sys.stdout.write(orjson.dumps(verdict.document()).decode() + "\n")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
