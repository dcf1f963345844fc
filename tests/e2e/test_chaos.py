"""A short storm on each database; the long one is `make chaos`."""

import random

import pytest

from tests.chaos.storm import Storm, ground

ROUNDS = 3


@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_storm_loses_and_doubles_nothing(tmp_path, database):
    seed, rounds = random.randrange(10_000), []
    with ground(tmp_path, database) as place:
        verdict = Storm(place, seed, rounds.append).run(ROUNDS)
    told = "\n".join(f"{one.number} {one.hit}: {one.met}, {one.seconds}" for one in rounds)
    assert verdict.ok, f"seed {seed}\n{told}\n{verdict}"
