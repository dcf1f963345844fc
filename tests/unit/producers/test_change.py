"""A change in its wire form: what the application says, and what the service reads."""

import enum
import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from producers.lead_publisher import Change, LeadPublisher
from sync_system.messaging.envelope import decode

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "event.schema.json").read_text())
CHANGES = [
    pytest.param(Change("created", 42, {"email": "ada@example.com"}), id="created"),
    pytest.param(Change("updated", "42", {"stage": None}), id="updated"),
    pytest.param(Change("updated", "42", {"stage": "won"}, whole_row=True), id="whole"),
    pytest.param(Change("deleted", "42"), id="deleted"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_service_reads_what_is_published(change):
    event = decode(change.encode("application", "lead"))
    assert (event.id, event.source, event.object) == (change.event_id, "application", "lead")
    assert (event.verb, event.external_id, event.data) == (change.verb, "42", change.data)
    assert event.at == int(change.time.timestamp() * 1_000_000)
    assert event.changes == (None if change.data is None else change.verb == "updated" and not change.whole_row)


@pytest.mark.parametrize("change", CHANGES)
def test_published_events_fit_the_schema(change):
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert list(validator.iter_errors(json.loads(change.encode("application", "lead")))) == []


def test_times_are_written_in_utc():
    when = datetime(2026, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert Change("deleted", 1, time=when).envelope("a", "lead")["time"] == "2026-05-01T06:30:00.000000Z"


def test_values_of_databases_become_json():
    id = uuid.UUID(int=5)
    data = {"day": date(2026, 5, 1), "at": datetime(2026, 5, 1, tzinfo=UTC), "sum": Decimal("12.50"), "ref": id}
    assert json.loads(Change("updated", 1, data).encode("a", "lead"))["data"] == {
        "day": "2026-05-01",
        "at": "2026-05-01T00:00:00.000000Z",
        "sum": "12.50",
        "ref": str(id),
    }


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize("value", [Colour.RED, object(), {1, 2}, float("nan"), datetime(2026, 5, 1)])  # noqa: DTZ001
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        Change("updated", 1, {"x": value}).encode("a", "lead")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Change("changed", 1),
        lambda: Change("created", " "),
        lambda: Change("created", 1, time=datetime(2026, 5, 1)),  # noqa: DTZ001
        lambda: LeadPublisher("amqp://localhost", "my.system"),
        lambda: LeadPublisher("amqp://localhost", "application", object=""),
    ],
)
def test_impossible_changes_are_refused_at_once(make):
    with pytest.raises(ValueError, match=r"verb|id is empty|time zone|letters"):
        make()


def test_publisher_needs_nothing_but_pika():
    source = (Path(__file__).parents[3] / "producers" / "lead_publisher.py").read_text()
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert not imported & {"sync_system", "producers", "aio_pika", "orjson", "pydantic"}
