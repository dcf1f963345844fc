"""How batches are divided."""

from sync_system.connectors.batches import Part, failed, in_halves, joined, waves
from sync_system.connectors.protocol import Outcome, Write
from sync_system.domain.outcomes import OutcomeClass

OK = Outcome(OutcomeClass.OK)


def write(key, external_id=None):
    return Write(key, external_id, {})


class System:
    """Refuses a call as a whole if it carries a poisonous position."""

    def __init__(self, poison, how):
        self.poison, self.how, self.calls = set(poison), how, 0

    async def send(self, positions):
        self.calls += 1
        if self.poison & set(positions):
            return failed(positions, Outcome(self.how), ())
        return Part(positions, [OK] * len(positions))


async def outcomes(system, count):
    delivered = joined(count, await in_halves(range(count), system.send))
    return [outcome.outcome for outcome in delivered.outcomes]


async def test_the_bad_record_of_a_batch_stands_alone():
    system = System({37}, OutcomeClass.REJECTED)
    found = await outcomes(system, 200)
    assert found == [OutcomeClass.REJECTED if place == 37 else OutcomeClass.OK for place in range(200)]
    assert system.calls <= 1 + 2 * 8


async def test_two_records_that_bring_down_a_batch_fail_alone():
    system = System({3, 190}, OutcomeClass.RETRY)
    found = await outcomes(system, 200)
    assert [place for place, outcome in enumerate(found) if outcome is not OutcomeClass.OK] == [3, 190]


async def test_a_system_that_fails_for_all_is_not_pressed():
    system = System(range(200), OutcomeClass.RETRY)
    assert set(await outcomes(system, 200)) == {OutcomeClass.RETRY}
    assert system.calls == 4


async def test_an_uncertain_batch_is_left_to_the_caller():
    system = System({5}, OutcomeClass.UNCERTAIN)
    assert set(await outcomes(system, 10)) == {OutcomeClass.UNCERTAIN}
    assert system.calls == 1


def test_a_row_comes_once_in_each_call():
    writes = [write("a"), write("b"), write("a"), write("c", "1"), write("d", "1"), write("a")]
    assert waves(writes, range(6), 200) == [[0, 1, 3], [2, 4], [5]]


def test_calls_are_no_longer_than_allowed():
    writes = [write(str(number)) for number in range(7)]
    assert [len(wave) for wave in waves(writes, range(7), 3)] == [3, 3, 1]
