"""A message is corrected value by value, or its data is replaced."""

import pytest

from sync_system.domain.correcting import assignments, corrected, replaced
from sync_system.errors import InvalidValue

MESSAGE = {"specversion": "1.0", "subject": "42", "data": {"email": "nobody", "city": "Pune"}}


@pytest.mark.parametrize(
    ("pair", "path", "value"),
    [
        ("data.email=a@example.com", "data.email", "a@example.com"),
        ("data.note=a=b", "data.note", "a=b"),
        ("data.age=42", "data.age", 42),
        ('data.zip="0123"', "data.zip", "0123"),
        ("data.city=null", "data.city", None),
        ("subject=", "subject", ""),
    ],
)
def test_pairs_are_read_as_json_or_text(pair, path, value):
    assert assignments([pair]) == {path: value}


@pytest.mark.parametrize("pair", ["data.email", "=x", "data..email=x", ".=x"])
def test_other_pairs_are_refused(pair):
    with pytest.raises(InvalidValue, match="path=value"):
        assignments([pair])


def test_values_are_set_and_the_rest_stays():
    made = corrected(MESSAGE, {"data.email": "a@example.com", "subject": "43"})
    assert made == {"specversion": "1.0", "subject": "43", "data": {"email": "a@example.com", "city": "Pune"}}
    assert MESSAGE["data"]["email"] == "nobody"


def test_missing_blocks_are_made():
    assert corrected({"data": None}, {"data.email": "x"}) == {"data": {"email": "x"}}


def test_value_has_no_fields_of_its_own():
    with pytest.raises(InvalidValue, match="'email' holds no fields"):
        corrected(MESSAGE, {"data.email.local": "x"})


def test_file_holds_the_data_or_the_whole():
    assert replaced(MESSAGE, {"email": "x"}) == MESSAGE | {"data": {"email": "x"}}
    assert replaced(MESSAGE, {"specversion": "1.0"}) == {"specversion": "1.0"}


@pytest.mark.parametrize(("message", "content"), [(MESSAGE, []), (None, {"email": "x"})])
def test_file_that_fits_nowhere_is_refused(message, content):
    with pytest.raises(InvalidValue):
        replaced(message, content)
