"""Values between our normal forms and HubSpot's, which are all strings."""

from typing import Any

from sync_system.domain.fields import Field, FieldType, Value, normal
from sync_system.errors import InvalidValue

# Types whose normal form is the text itself.
AS_TEXT = frozenset({FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.ENUM, FieldType.TAGS})


def encoded(value: Any) -> str:
    """Return a value as HubSpot takes it; an empty string clears."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def decoded(raw: Any, type: FieldType) -> Value:
    """Return a property's value in its normal form; one that does not fit its type is left as it is."""
    if raw is None or raw == "":
        return None
    if type in AS_TEXT:
        return str(raw)
    try:
        return normal(Field("", type), raw)
    except InvalidValue:
        return str(raw)
