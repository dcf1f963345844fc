"""The wire format: CloudEvents 1.0 in structured JSON, read strictly and told without any lead's data."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_system.errors import InvalidEvent
from sync_system.messaging.envelope import CANONICAL_SCHEMA, Event, decode, rfc3339

AT = 1_767_225_600_000_001
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
EVENTS = st.builds(
    Event,
    id=TEXT,
    source=TEXT,
    object=st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    verb=st.sampled_from(["created", "updated", "deleted", "merged"]),
    external_id=TEXT,
    at=st.none() | st.integers(0, 4_000_000_000_000_000),
    data=st.none() | st.dictionaries(TEXT, st.none() | TEXT | st.integers(-(2**53), 2**53) | st.booleans()),
    changes=st.none() | st.booleans(),
    canonical=st.booleans(),
    into=st.none() | TEXT,
)


def body(**changes):
    whole = {"specversion": "1.0", "id": "e1", "source": "crm", "type": "lead.updated", "subject": "501"}
    return orjson.dumps({name: value for name, value in (whole | changes).items() if value is not ...})


@given(EVENTS)
def test_event_survives_the_wire(event):
    assert decode(event.encode()) == event


def test_event_is_a_structured_cloud_event():
    event = Event("e1", "crm", "lead", "updated", "501", AT, {"email": "a@example.com"}, changes=True, canonical=True)
    assert orjson.loads(event.encode()) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "crm",
        "type": "lead.updated",
        "subject": "501",
        "time": "2026-01-01T00:00:00.000001Z",
        "datacontenttype": "application/json",
        "data": {"email": "a@example.com"},
        "synccontent": "changes",
        "dataschema": CANONICAL_SCHEMA,
    }


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-01-01T00:00:00.000001Z", AT),
        ("2026-01-01T05:30:00.000001+05:30", AT),
        ("2026-01-01T00:00:00.000001", AT),
        (..., None),
        (None, None),
    ],
)
def test_time_is_read_as_microseconds(time, at):
    assert decode(body(time=time)).at == at


def test_microseconds_are_written_exactly():
    assert rfc3339(AT) == "2026-01-01T00:00:00.000001Z"


def test_attributes_that_mean_nothing_here_may_stand_beside():
    assert decode(body(traceparent="00-1-2-01", datacontenttype="application/json", data={})).data == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "no CloudEvents 1.0 lead event"),
        (body(specversion="0.3"), "specversion: Input should be '1.0'"),
        (body(id=...), "id: Field required"),
        (body(id=""), "id: String should have at least 1 character"),
        (body(id="x" * 256), "id: String should have at most 255 characters"),
        (body(subject=501), "subject: Input should be a valid string"),
        (body(type="lead.renamed"), "type: String should match pattern"),
        (body(type="Lead.created"), "type: String should match pattern"),
        (body(time="yesterday"), "time: "),
        (body(data=["a"]), "data: Input should be an object"),
        (body(synccontent="some"), "synccontent: Input should be 'row' or 'changes'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_event_is_told_by_its_place(given, reason):
    with pytest.raises(InvalidEvent) as caught:
        decode(given)
    assert reason in str(caught.value)


def test_reason_shows_no_data():
    with pytest.raises(InvalidEvent) as caught:
        decode(body(data="someone@example.com", time="someone@example.com"))
    assert "someone" not in str(caught.value)
