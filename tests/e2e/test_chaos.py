"""A short storm on each database; the long one is `make chaos`."""

import pytest

from tests.chaos.storm import Storm, ground

SEED, ROUNDS = 907, 3


@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_storm_loses_and_doubles_nothing(tmp_path, database):
    rounds = []
    with ground(tmp_path, database) as place:
        verdict = Storm(place, SEED, rounds.append).run(ROUNDS)
    told = "\n".join(f"{one.number} {one.hit}: {one.met}, {one.seconds}" for one in rounds)
    assert verdict.ok, f"{told}\n{verdict}"
