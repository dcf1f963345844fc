"""A population's rows and the truth about them, against the plain rule that the same address or number is the same group."""

from collections import Counter

import phonenumbers
import pytest

from sync_system.sandbox.population import Population, Row, Side
from sync_system.sandbox.population.casting import SIDES

EACH = 2_000
NAMES = {"application": ("email", "phone", "stage"), "crm": ("email", "phone", "hs_lead_status")}
Named = tuple[Side, str]


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(seed=3, each=EACH)


@pytest.fixture(scope="module")
def rows(population: Population) -> dict[Named, Row]:
    return {(side, str(row.id)): row for side in SIDES for row in population.rows(side)}


def contacts(row: Row) -> set[str]:
    """The row's address and number in normal form, by what the service uses for it as well."""
    found = set()
    if row.values["email"]:
        found.add(row.values["email"].strip().lower())
    if row.values["phone"]:
        number = phonenumbers.parse(row.values["phone"], "IN")
        found.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return found


def groups_of(rows: dict[Named, Row]) -> list[set[Named]]:
    """Rows joined by address or number: a plain union-find."""
    leader: dict[object, object] = {}

    def find(one: object) -> object:
        while leader.setdefault(one, one) != one:
            one = leader[one]
        return one

    for name, row in rows.items():
        for contact in contacts(row):
            leader[find(name)] = find(contact)
    joined: dict[object, set[Named]] = {}
    for name in rows:
        joined.setdefault(find(name), set()).add(name)
    return list(joined.values())


def test_same_seed_gives_the_same_rows(population):
    again, other = Population(3, EACH), Population(4, EACH)
    for side in SIDES:
        assert list(again.rows(side)) == list(population.rows(side)) != list(other.rows(side))
    assert again.truth == population.truth


def test_roles_have_the_promised_proportions(population):
    truth = population.truth
    assert len(truth.pairs) == 1_200
    for side in SIDES:
        # Two doubles for each of 15 people, the other side's 8 partners of such, ten crossings, the 20 that they cross.
        assert len(truth.ambiguous[side]) == 2 * 15 + 8 + 10 + 20
        assert len(truth.refused[side]) == 5
        assert len(truth.people[side]) == EACH
        assert len(truth.only[side]) == EACH - 1_200 - 68 - 5


def test_truth_is_what_addresses_and_numbers_tell(population, rows):
    truth, refused = population.truth, {(side, id) for side in SIDES for id in population.truth.refused[side]}
    pairs, only, ambiguous = set(), set(), set()
    for group in groups_of(rows):
        sides = Counter(side for side, _ in group)
        if len(group) == 1:
            only |= group
        elif sides == {"application": 1, "crm": 1}:
            pairs.add(tuple(id for _, id in sorted(group)))
        else:
            ambiguous |= group
    assert pairs == set(truth.pairs)
    assert ambiguous == {(side, id) for side in SIDES for id in truth.ambiguous[side]}
    assert only - refused == {(side, id) for side in SIDES for id in truth.only[side]}
    assert refused <= only


def test_people_of_pairs_are_the_same_and_others_differ(population):
    people = population.truth.people
    assert all(people["application"][a] == people["crm"][c] for a, c in population.truth.pairs)
    shared = set(people["application"].values()) & set(people["crm"].values())
    assert len(shared) == len(population.truth.pairs) + 16  # and those doubles that have a partner


def test_refused_values_are_the_only_unknown_ones(population, rows):
    known = {*"NCWQU", "NEW", "OPEN", "CONNECTED", "ATTEMPTED_TO_CONTACT", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED"}
    known |= {"BAD_TIMING", None}
    for (side, id), row in rows.items():
        unknown = row.values[NAMES[side][2]] not in known or len(row.values["exhibition"] or "") > 120
        assert unknown == (id in population.truth.refused[side])
        if unknown:
            bad = population.truth.refused[side][id]
            assert bad in row.values


def test_sides_type_the_same_person_differently(population, rows):
    pairs = [(rows["application", a].values, rows["crm", c].values) for a, c in population.truth.pairs]
    addresses = [(a["email"].strip().lower(), c["email"]) for a, c in pairs if a["email"] and c["email"]]
    assert 0.07 < sum(a != c for a, c in addresses) / len(pairs) < 0.13
    assert any(a["email"] and c["email"] and a["email"] != a["email"].lower() for a, c in pairs)
    assert any(a["firstName"] != c["firstname"] for a, c in pairs)
    assert sum(a["phone"] != c["phone"] for a, c in pairs) > len(pairs) / 2
    assert any(not (a["city"] and c["city"]) for a, c in pairs)
    assert any(a["city"] and c["city"] and a["city"] != c["city"] for a, c in pairs)


def test_one_row_of_a_pair_is_clearly_newer(population, rows):
    times = [(rows["application", a].at, rows["crm", c].at) for a, c in population.truth.pairs]
    assert min(abs(a - c) for a, c in times) >= 30_000_000
    every = [row.at for row in rows.values()]
    assert max(every) - min(every) > 0.9 * 365 * 86_400_000_000


def test_crm_has_no_address_twice(rows):
    addresses = [row.values["email"] for (side, _), row in rows.items() if side == "crm" and row.values["email"]]
    assert len(addresses) == len(set(addresses))


def test_small_population_has_every_role():
    population = Population(each=100)
    truth = population.truth
    assert truth.pairs
    assert all(truth.ambiguous[side] and truth.refused[side] and truth.only[side] for side in SIDES)


def test_too_small_population_is_refused():
    with pytest.raises(ValueError, match="at least 100"):
        Population(each=99)
