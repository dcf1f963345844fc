"""The configuration in the terms of the domain: objects, field rules, all that the rules need to know of a system."""

from collections.abc import Mapping
from typing import Any

from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import FieldRule, Rule, SystemRules
from sync_system.domain.objects import LEAD_FIELDS, ObjectSpec
from sync_system.settings.blocks import CustomField, FieldMapping, ObjectBlock
from sync_system.settings.model import Settings

BUILT_IN: Mapping[str, Mapping[str, Field]] = {"lead": LEAD_FIELDS}
MATCH: Mapping[str, tuple[tuple[str, ...], ...]] = {"lead": (("email",), ("phone",))}
SECOND = 1_000_000


def object_spec(name: str, block: ObjectBlock) -> ObjectSpec:
    """Return a kind of record with its built-in, changed and custom fields."""
    built_in = BUILT_IN.get(name, {})
    changed = {field: _field(field, custom, built_in.get(field)) for field, custom in block.fields.items()}
    match = MATCH.get(name, ()) if block.match is None else tuple(map(tuple, block.match))
    return ObjectSpec(
        name=name,
        fields={**built_in, **changed},
        match=match,
        default_region=block.default_region,
        propagates=block.on_delete == "propagate",
        deletes_per_hour=block.deletes_per_hour,
    )


def _field(name: str, custom: CustomField, built_in: Field | None) -> Field:
    built_in = built_in or Field(name)
    return Field(
        name,
        FieldType(custom.type) if custom.type else built_in.type,
        custom.max_length or built_in.max_length,
        built_in.values if custom.values is None else tuple(custom.values),
    )


def field_rules(fields: Mapping[str, FieldMapping], spec: ObjectSpec) -> Mapping[str, FieldRule]:
    """Return how each mapped field of an object stands in one system."""
    return {name: field_rule(mapping, spec.fields[name]) for name, mapping in fields.items()}


def field_rule(mapping: FieldMapping, field: Field) -> FieldRule:
    """Return how one field stands in one system.

    Where two canonical values share an own value, the first of them is what a report of it means, unless `inbound`
    says otherwise.
    """
    to_own: Mapping[Any, Any] = mapping.values
    from_own: dict[Any, Any] = {}
    inbound: Mapping[Any, Any] = mapping.inbound
    for canonical, own in (to_own or {value: value for value in field.values if mapping.inbound}).items():
        from_own.setdefault(own, canonical)
    return FieldRule(
        field=field,
        name=mapping.name,
        rule=Rule(mapping.rule),
        to_own=to_own,
        from_own={**from_own, **inbound},
        max_length=mapping.max_length,
        cut=mapping.too_long == "cut",
        default=mapping.default,
    )


def own_fields(fields: Mapping[str, FieldMapping], spec: ObjectSpec) -> Mapping[str, FieldType]:
    """Return the own names of an object's fields in one system, with what they hold there."""
    return {m.name: FieldType(m.type) if m.type else spec.fields[name].type for name, m in fields.items()}


def ranks(settings: Settings) -> Mapping[str, int]:
    """Return which system wins between edits of the same moment: the one that stands first in the file."""
    return {name: len(settings.systems) - place for place, name in enumerate(settings.systems)}


def system_rules(
    settings: Settings, system: str, spec: ObjectSpec, *, can_look: bool = True, writes: bool = True
) -> SystemRules:
    """Return all that the rules need to know of one object of one system."""
    configured = settings.systems[system]
    return SystemRules(
        system=system,
        fields=field_rules(configured.objects[spec.name].fields, spec),
        rank=ranks(settings)[system],
        skew=int(configured.common.skew * SECOND),
        late=int(configured.common.late * SECOND),
        timeout=int(configured.common.timeout * SECOND),
        can_look=can_look,
        writes=writes,
    )
