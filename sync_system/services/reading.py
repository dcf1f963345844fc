"""From an event in a system's own words to a report in the rules' terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.decisions import Report
from sync_system.domain.fields import Value, normal
from sync_system.domain.mapping import FieldRule, Rule
from sync_system.domain.objects import ObjectSpec
from sync_system.errors import InvalidEvent, InvalidValue, MappingRefused
from sync_system.messaging.envelope import Event


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event with its route and report.

    `bare`: it says only that the row changed. `unsure`: not who the row is, should nobody know it: neither whether it
    carries our key, nor (an edit of other fields) all that people are matched by. `plans`: what follows from it for other
    systems is planned; another arrival of the same batch does it otherwise. `as_is`: fields whose values may differ from
    now on, until somebody types over one.
    """

    event: Event
    route: Route
    report: Report
    bare: bool = False
    unsure: bool = False
    plans: bool = True
    as_is: frozenset[str] = frozenset()


class Reader:
    """Reads the events of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._matched = {
            (object, system): matched_by(catalog.objects[object], route)
            for object, routes in catalog.routes.items()
            for system, route in routes.items()
        }

    def read(self, event: Event, now: int) -> Arrival:
        """Return what an event says; raise InvalidEvent with what is wrong, where, and what to do."""
        route = self._route(event)
        deleted = event.verb in {"deleted", "merged"}
        if event.data is None and not deleted and "ids" not in route.lookups:
            raise InvalidEvent(f"data is missing, and rows of {event.source!r} cannot be read: send the values")
        if deleted or event.data is None:
            report = Report(event.external_id, self._at(event, now), now, deleted=deleted)
            return Arrival(event, route, report, bare=not deleted)
        spec = self.catalog.objects[event.object]
        values = read_values(route, event.data, spec.default_region, canonical=event.canonical)
        key = event.data.get(route.key_field) if route.key_field else None
        changes = route.changes and event.verb == "updated" if event.changes is None else event.changes
        report = Report(
            event.external_id,
            self._at(event, now),
            now,
            values,
            exact=changes,
            key=str(key) if key else None,
            etag=None,
        )
        silent = route.key_field is not None and route.key_field not in event.data
        partial = not key and event.verb == "updated" and not self._matched[event.object, event.source] <= values.keys()
        return Arrival(event, route, report, unsure=(silent or partial) and "ids" in route.lookups)

    def row(self, system: str, object: str, row: Row, event_id: str, now: int) -> Arrival:
        """Return what a row that was read says, as a snapshot; raise InvalidEvent."""
        event = Event(event_id, system, object, "deleted" if row.deleted else "updated", row.external_id, row.at)
        route = self._route(event)
        at = self._at(event, now)
        if row.deleted:
            return Arrival(event, route, Report(row.external_id, at, now, deleted=True))
        data = dict(row.values)
        values = read_values(route, data, self.catalog.objects[object].default_region)
        report = Report(row.external_id, at, now, values, etag=row.etag, key=row.key)
        return Arrival(replace(event, data=data), route, report)

    def gone(self, system: str, object: str, external_id: str, event_id: str, now: int) -> Arrival:
        """Return that a row which was to be read is not there."""
        event = Event(event_id, system, object, "deleted", external_id, now)
        return Arrival(event, self._route(event), Report(external_id, now, now, deleted=True))

    def _route(self, event: Event) -> Route:
        route = self.catalog.route(event.source, event.object)
        if route is not None:
            return route
        if event.object not in self.catalog.objects:
            known = ", ".join(self.catalog.objects)
            raise InvalidEvent(f"unknown object {event.object!r}: the configuration has {known}")
        known = ", ".join(self.catalog.routes[event.object])
        raise InvalidEvent(f"unknown system {event.source!r} for {event.object}: the configuration has {known}")

    @staticmethod
    def _at(event: Event, now: int) -> int:
        return now if event.at is None else event.at


def matched_by(spec: ObjectSpec, route: Route) -> frozenset[str]:
    """Return the fields that records are matched by, of those that the system tells of."""
    rules = route.rules.fields
    names = {name for group in spec.match for name in group if name in rules}
    return frozenset(name for name in names if rules[name].rule is not Rule.IGNORE)


def read_values(
    route: Route, data: Mapping[str, Any], region: str | None, *, canonical: bool = False
) -> dict[str, Value]:
    """Return the mapped values of a row: canonical names to own values; raise InvalidEvent naming every bad field."""
    values: dict[str, Value] = {}
    problems = []
    for name, rule in route.rules.fields.items():
        own_name = name if canonical else rule.name
        if own_name not in data or rule.rule is Rule.IGNORE:
            continue
        raw = data[own_name]
        if rule.simple and type(raw) is str and is_normal(raw, rule.field.max_length):
            values[name] = rule.to_system(raw) if canonical else raw
            continue
        try:
            values[name] = read_value(rule, raw, region, canonical=canonical)
        except (InvalidValue, MappingRefused) as exc:
            problems.append(f"data.{own_name}: {exc.reason}")
    if problems:
        raise InvalidEvent("; ".join(problems))
    return values


def is_normal(raw: str, longest: int | None) -> bool:
    """Whether a text is its own normal form, as most are: spares them the long way."""
    return (
        raw.isascii()
        and raw.isprintable()
        and raw != ""
        and raw[0] != " "
        and raw[-1] != " "
        and (longest is None or len(raw) <= longest)
    )


def read_value(rule: FieldRule, raw: Any, region: str | None, *, canonical: bool) -> Value:
    """Return one value in the system's own form."""
    if canonical:
        return rule.to_system(normal(rule.field, raw, region))
    return rule.read(raw, region)
