"""A cell of a CSV file is checked by the mapping before it is published."""

import pytest

from sync_system.cli.screens.importing import caution, read_cell
from sync_system.domain.catalog import Route
from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import FieldRule, SystemRules
from sync_system.errors import InvalidValue

STAGE = FieldRule(
    Field("status", FieldType.ENUM, 100, ("new", "won")), "stage", to_own={"new": "N"}, from_own={"N": "new"}
)
EMAIL = FieldRule(Field("email", FieldType.EMAIL, 254), "email")
PHONE = FieldRule(Field("phone", FieldType.PHONE, 40), "phone")

RULES = SystemRules("shop", {})


@pytest.mark.parametrize(
    ("rule", "cell", "value"),
    [
        (STAGE, "N", "N"),
        (STAGE, "new", "N"),
        (EMAIL, " Ada@Example.com ", "ada@example.com"),
        (PHONE, "030 123456", "+4930123456"),
        (EMAIL, None, None),
    ],
    ids=["own", "canonical", "email", "phone", "empty"],
)
def test_cell_becomes_the_systems_own_value(rule, cell, value):
    assert read_cell(rule, cell, "DE") == value


@pytest.mark.parametrize(("rule", "cell"), [(STAGE, "won"), (STAGE, "x"), (EMAIL, "nobody")])
def test_cell_that_does_not_fit_is_refused(rule, cell):
    with pytest.raises(InvalidValue):
        read_cell(rule, cell, "DE")


@pytest.mark.parametrize(
    ("route", "columns", "told"),
    [
        (Route(RULES, "key", lookups=frozenset({"ids"})), ["email"], True),
        (Route(RULES, "key", lookups=frozenset({"ids"})), ["email", "key"], False),
        (Route(RULES, "key"), ["email"], False),
        (Route(RULES, lookups=frozenset({"ids"})), ["email"], False),
    ],
    ids=["no key", "with key", "cannot be read", "has no key field"],
)
def test_rows_that_a_system_lacks_are_cautioned_about(route, columns, told):
    assert (caution("shop", route, columns) is not None) == told
