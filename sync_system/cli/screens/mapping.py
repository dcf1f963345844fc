"""The mapping of one object against the fields that a system says it has."""

from collections.abc import Iterator, Mapping, Sequence

from sync_system.connectors.protocol import FieldInfo
from sync_system.domain.fields import FieldType
from sync_system.domain.mapping import WRITTEN, FieldRule, Rule, SystemRules
from sync_system.settings.problems import instead


def mapping_problems(rules: SystemRules, described: Sequence[FieldInfo]) -> list[str]:
    """Return what would go wrong, a sentence each; nothing if the system cannot tell its fields."""
    if not described:
        return []
    fields = {info.name: info for info in described}
    return [problem for rule in rules.fields.values() for problem in _problems(rule, fields)]


def unmapped_required(rules: SystemRules, described: Sequence[FieldInfo]) -> list[str]:
    """Return the own names of fields that every row must fill and that nothing is mapped to."""
    mapped = {rule.name for rule in rules.written.values()}
    return [info.name for info in described if info.required and not info.read_only and info.name not in mapped]


def _problems(rule: FieldRule, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    if rule.rule is Rule.IGNORE:
        return
    info = fields.get(rule.name)
    if info is None:
        yield f"{rule.field.name}: the system has no field {rule.name!r}{instead(rule.name, fields)}"
    elif rule.rule in WRITTEN:
        yield from _unwritable(rule, info)


def _unwritable(rule: FieldRule, info: FieldInfo) -> Iterator[str]:
    if info.read_only:
        yield f"{rule.field.name}: {info.name!r} is read-only in the system; `rule: in_only` reads it alone"
    longest = rule.max_length or rule.field.max_length
    if info.max_length and longest and longest > info.max_length and rule.field.type is not FieldType.ENUM:
        yield (
            f"{rule.field.name}: up to {longest} characters would be written, {info.name!r} takes {info.max_length}: "
            f"set `max_length: {info.max_length}`, and `too_long`"
        )
    unknown = [value for value in _written_values(rule) if value not in info.options] if info.options else []
    if unknown:
        listed = ", ".join(map(repr, unknown))
        yield f"{rule.field.name}: {info.name!r} has no option {listed}{instead(unknown[0], info.options)}"


def _written_values(rule: FieldRule) -> list[str]:
    """Return the own values that can be written into a field with options."""
    own = list(rule.to_own.values()) or list(rule.field.values)
    return [_text(value) for value in dict.fromkeys([*own, *([rule.default] if rule.default is not None else [])])]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
