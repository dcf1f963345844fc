"""A cell of a CSV file is checked by the mapping before it is published."""

import pytest

from sync_system.cli.screens.importing import read_cell
from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import FieldRule
from sync_system.errors import InvalidValue

STAGE = FieldRule(
    Field("status", FieldType.ENUM, 100, ("new", "won")), "stage", to_own={"new": "N"}, from_own={"N": "new"}
)
EMAIL = FieldRule(Field("email", FieldType.EMAIL, 254), "email")
PHONE = FieldRule(Field("phone", FieldType.PHONE, 40), "phone")


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
