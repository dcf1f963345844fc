"""What no block can know alone: names that point at other blocks, and values that must agree with each other."""

from collections.abc import Mapping
from zoneinfo import available_timezones

import phonenumbers

from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import WRITTEN, Rule
from sync_system.domain.objects import ObjectSpec
from sync_system.domain.schedule import parse
from sync_system.errors import InvalidValue
from sync_system.settings.blocks import CustomField, FieldMapping, ObjectBlock, Replay, SystemBlock
from sync_system.settings.problems import Path, instead, unknown
from sync_system.settings.translation import BUILT_IN
from sync_system.settings.validation import Validator


def check_object(validator: Validator, name: str, block: ObjectBlock, spec: ObjectSpec) -> None:
    """Check an object's own references: match fields, the region, changed and custom fields."""
    path: Path = ("objects", name)
    for number, group in enumerate(block.match or []):
        for place, field in enumerate(group):
            if field not in spec.fields:
                validator.note((*path, "match", number, place), unknown("field", field, spec.fields))
    region = block.default_region
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        validator.note((*path, "default_region"), unknown("region", region, phonenumbers.SUPPORTED_REGIONS))
    for field, custom in block.fields.items():
        _check_custom(validator, (*path, "fields", field), custom, BUILT_IN.get(name, {}).get(field))


def _check_custom(validator: Validator, path: Path, custom: CustomField, built_in: Field | None) -> None:
    if built_in is not None and custom.type not in {None, built_in.type.value}:
        validator.note((*path, "type"), f"this built-in field holds {built_in.type}; give yours another name")
    kind = custom.type or (built_in.type if built_in else FieldType.TEXT)
    if custom.values is not None and kind != FieldType.ENUM:
        validator.note((*path, "values"), "only a field of type enum has values")


def check_system(validator: Validator, path: Path, block: SystemBlock) -> None:
    """Check what must agree within a system's block."""
    check_replay(validator, (*path, "replay"), block.replay)
    if block.delivery.lease <= block.timeout:
        validator.note((*path, "delivery", "lease"), "must be longer than `timeout`, or a slow call outlives its claim")
    if block.poll and block.poll.every == 0:
        validator.note((*path, "poll", "every"), "must be longer than nothing")


def check_replay(validator: Validator, path: Path, replay: Replay) -> None:
    """Check that the schedule can be read and the time zone exists."""
    try:
        parse(replay.schedule, replay.timezone)
    except InvalidValue as exc:
        hint = instead(replay.timezone, available_timezones()) if exc.field == "timezone" else ""
        validator.note((*path, exc.field), exc.reason + hint)


def check_mapping(validator: Validator, path: Path, fields: Mapping[str, FieldMapping], spec: ObjectSpec) -> None:
    """Check the fields that one system maps against the object's."""
    written: dict[str, str] = {}
    for name, mapping in fields.items():
        if name not in spec.fields:
            validator.note((*path, name), unknown(f"field of {spec.name}", name, spec.fields))
            continue
        _check_values(validator, (*path, name), mapping, spec.fields[name])
        if Rule(mapping.rule) in WRITTEN:
            other = written.setdefault(mapping.name, name)
            if other != name:
                validator.note((*path, name), f"is written to {mapping.name!r}, and so is {other}; make one `in_only`")


def _check_values(validator: Validator, path: Path, mapping: FieldMapping, field: Field) -> None:
    """Check that value maps name canonical values that exist."""
    for value in mapping.values:
        _check_value(validator, (*path, "values", value), value, field)
    for own, value in mapping.inbound.items():
        _check_value(validator, (*path, "inbound", own), value, field)
    if mapping.inbound and not mapping.values and not field.values:
        validator.note((*path, "inbound"), f"needs `values` beside it, because {field.name} takes any value")


def _check_value(validator: Validator, path: Path, value: str | bool, field: Field) -> None:
    if field.type in {FieldType.BOOLEAN, FieldType.CONSENT}:
        if not isinstance(value, bool):
            validator.note(path, f"{value!r} is no value of {field.name}; there are true, false")
    elif field.values and value not in field.values:
        validator.note(path, unknown(f"value of {field.name}", value, field.values))
