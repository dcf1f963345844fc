"""A CSV file becomes events: each good row one, each bad row a line and a reason."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from producers.importer import Options, Refused, open_import
from sync_system.errors import ConfigurationError, InvalidValue

FIELDS = {"first_name": "firstName", "email": "mail", "score": "points"}
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def opened(tmp_path):
    def open_text(text, options=None, encoding="utf-8", **keys):
        path = tmp_path / "leads.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        os.utime(path, (1_777_000_000, 1_777_000_000))
        return open_import(path, "application", FIELDS, options or Options("id", **keys))

    return open_text


def only(source, validate=None):
    [batch] = source.batches(validate)
    return batch


def test_rows_become_created_events(opened):
    batch = only(opened("id,First Name,mail,colour\n7, Ada ,ada@example.com,red\n"))
    [change] = batch.changes
    assert (change.verb, change.id) == ("created", "7")
    assert change.data == {"firstName": "Ada", "mail": "ada@example.com"}
    assert change.time == datetime.fromtimestamp(1_777_000_000, UTC)
    assert batch.refused == []


def test_columns_without_a_field_are_named(opened):
    assert opened("id,mail,colour\n").ignored == ["colour"]


def test_columns_can_be_mapped_to_either_name(opened):
    source = opened("id,who,how\n1,Ada,5\n", columns={"who": "first_name", "how": "points"})
    assert only(source).changes[0].data == {"firstName": "Ada", "points": "5"}


def test_empty_cells_say_nothing_unless_they_clear(opened):
    text = "id,mail,first_name\n1,,Ada\n"
    assert only(opened(text)).changes[0].data == {"firstName": "Ada"}
    assert only(opened(text, clear_empty=True)).changes[0].data == {"firstName": "Ada", "mail": None}


def test_bad_rows_are_refused_and_others_go_on(opened):
    text = 'id,mail,when\n1,a@example.com,2026-05-01\n2,b@example.com\n,c@example.com,2026-05-01\n4,"d\n@x",soon\n5,e@example.com,2026-05-01 10:00:00\n'
    batch = only(opened(text, time="when"))
    assert [change.id for change in batch.changes] == ["1", "5"]
    assert batch.changes[1].time == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert batch.refused == [
        Refused(3, "has 2 cells, the header has 3"),
        Refused(4, "column 'id', the row's id, is empty"),
        Refused(5, "when: is not a time in ISO 8601 or since 1970"),
    ]


def test_values_of_the_wrong_type_are_refused(opened):
    def validate(data):
        if not data["points"].isdigit():
            raise InvalidValue("points", "is not a number")
        return {**data, "points": int(data["points"])}

    batch = only(opened("id,points\n1,5\n2,many\n"), validate)
    assert [change.data for change in batch.changes] == [{"points": 5}]
    assert batch.refused == [Refused(3, "points: is not a number")]


def test_repeated_import_has_the_same_event_ids(opened):
    text = "id,mail\n1,a@example.com\n2,b@example.com\n"
    first, again = only(opened(text)).changes, only(opened(text)).changes
    changed = only(opened(text.replace("a@", "x@"))).changes
    assert [c.event_id for c in first] == [c.event_id for c in again]
    assert [a.event_id == b.event_id for a, b in zip(first, changed, strict=True)] == [False, True]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(opened, delimiter):
    text = f'id{delimiter}mail{delimiter}first_name\n1{delimiter}a@example.com{delimiter}"Ada, {delimiter} Countess"\n'
    assert only(opened(text)).changes[0].data["firstName"] == f"Ada, {delimiter} Countess"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_read(opened, encoding):
    given = None if encoding.startswith("utf-8") else encoding
    source = opened("id,first_name\n1,Zoë\n", encoding=encoding, options=Options("id", encoding=given))
    assert only(source).changes[0].data == {"firstName": "Zoë"}


def test_batches_have_the_asked_size(opened):
    source = opened("id,mail\n" + "".join(f"{n},a{n}@example.com\n" for n in range(25)))
    assert [len(batch.changes) for batch in source.batches(size=10)] == [10, 10, 5]


@pytest.mark.parametrize(
    ("text", "keys", "reason"),
    [
        ("id,mail\n1,a\n2,Zo\xeb\n".encode("latin-1"), {}, r"leads\.csv:3: this line is not UTF-8: .*--encoding"),
        ("id,mail\n", {"encoding": "klingon"}, "'klingon' is no encoding"),
        ("", {}, "is empty: its first line must name the columns"),
        ("id,mail,mail\n", {}, r"leads\.csv:1: the header has a column twice: 'mail'"),
        ("Id,mail\n", {}, "has no column 'id'; did you mean 'Id'?"),
        ("id,mail\n", {"time": "when"}, "has no column 'when'; there are id, mail"),
        ("id,who\n", {"columns": {"who": "first_nme"}}, "there is no field 'first_nme'; did you mean 'first_name'?"),
        ("id,mail,email\n", {}, "two columns are mapped to 'mail': 'mail' and 'email'"),
        ("id,colour\n", {}, "no column of .* is mapped to a field"),
    ],
)
def test_files_that_cannot_be_imported_say_why(opened, text, keys, reason):
    with pytest.raises(ConfigurationError, match=reason.replace("?", r"\?")):
        opened(text, Options("id", **keys))


def test_open_quotes_are_told_with_their_line(opened):
    source = opened('id,mail\n1,a@example.com\n2,"b@example.com\n3,c@example.com\n')
    with pytest.raises(ConfigurationError, match=r"leads\.csv:3: this row is no CSV"):
        list(source.batches())


def test_sample_files_can_be_imported():
    fields = {"lead_source": "origin", "utm_campaign": "landing_page_id"}
    leads = open_import(EXAMPLES / "leads.csv", "application", fields, Options("mql_id", time="first_contact_date"))
    batch = only(leads)
    assert (len(batch.changes), batch.refused, leads.ignored) == (40, [], [])
    options = Options("mql_id", {"business_segment": "industry"}, time="won_date", verb="updated")
    deals = only(open_import(EXAMPLES / "deals.csv", "application", {"industry": "industry"}, options))
    assert {change.id for change in deals.changes} <= {change.id for change in batch.changes}
