"""The fields of the application's leads, and which values each accepts."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sync_system.sandbox.application.refusals import Refusal

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
STAGES = ("N", "C", "W", "Q", "U", "V")  # new, contacted, working, qualified, unqualified, converted


@dataclass(frozen=True, slots=True)
class Field:
    """One field's definition."""

    name: str
    type: str = "text"
    max_length: int | None = None
    options: tuple[str, ...] = ()
    read_only: bool = False
    unique: bool = False

    def described(self, required: tuple[str, ...]) -> dict[str, Any]:
        """Return the definition as `GET /leads/schema` tells it."""
        return asdict(self) | {"options": list(self.options), "required": self.name in required}


TEXTS = {
    "firstName": 100,
    "middleName": 100,
    "lastName": 100,
    "salutation": 40,
    "phone": 40,
    "mobilePhone": 40,
    "fax": 40,
    "company": 255,
    "jobTitle": 255,
    "website": 255,
    "street": 255,
    "city": 80,
    "state": 80,
    "postalCode": 20,
    "country": 80,
    "industry": 100,
    "source": 100,
    "exhibition": 120,
    "agent": 100,
    "notes": 32_000,
    "businessSegment": 100,
    "utmSource": 255,
    "utmMedium": 255,
    "utmCampaign": 255,
}
FIELDS = {
    field.name: field
    for field in (
        Field("key", max_length=64, unique=True),
        Field("email", "email", 254),
        *(Field(name, max_length=length) for name, length in TEXTS.items()),
        Field("stage", "enum", options=STAGES),
        Field("rating", "enum", options=("hot", "warm", "cold")),
        Field("employeeCount", "integer"),
        Field("score", "integer"),
        Field("annualRevenue", "decimal"),
        Field("estimatedValue", "decimal"),
        Field("wonDate", "date"),
        Field("emailOptOut", "boolean"),
        Field("doNotCall", "boolean"),
    )
}
KEPT_BY_ITSELF = frozenset({"id", "etag", "created_at", "updated_at", "deleted_at"})


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they are stored; Refusal 422 that names the first field that cannot be."""
    return {name: _checked(name, value) for name, value in values.items() if name not in KEPT_BY_ITSELF}


def refuse_blank(values: Mapping[str, Any], required: tuple[str, ...]) -> None:
    """Refuse a lead that lacks a required field."""
    for name in required:
        if values.get(name) in {None, ""}:
            raise Refusal(422, "required", f"{name} is required", name)


def _checked(name: str, value: Any) -> Any:
    field = FIELDS.get(name)
    if field is None:
        raise Refusal(422, "unknown_field", f"a lead has no field {name}", name)
    if value is None:
        return None
    if field.type in {"text", "email", "enum"}:
        return _text(field, value)
    if field.type == "boolean":
        return _of_type(field, value, value if isinstance(value, bool) else None)
    return _number_or_date(field, value)


def _text(field: Field, value: Any) -> str | None:
    text = _of_type(field, value, value.strip() if isinstance(value, str) else None)
    if text == "":
        return None
    if field.max_length is not None and len(text) > field.max_length:
        raise Refusal(422, "too_long", f"{field.name} may have at most {field.max_length} characters", field.name)
    if field.options and text not in field.options:
        raise Refusal(422, "invalid_option", f"{field.name} must be one of {', '.join(field.options)}", field.name)
    if field.type == "email" and not EMAIL.fullmatch(text):
        raise Refusal(422, "invalid_email", f"{text} is no email address", field.name)
    if field.name == "key" and not KEY.fullmatch(text):
        raise Refusal(422, "invalid_key", "a key has 1 to 64 letters, digits, _ and -", field.name)
    return str(text.lower() if field.type == "email" else text)


def _number_or_date(field: Field, value: Any) -> Any:
    try:
        if field.type == "integer" and not isinstance(value, bool):
            return _of_type(field, value, int(value) if Decimal(str(value)) == int(value) else None)
        if field.type == "decimal" and not isinstance(value, bool):
            number = Decimal(str(value))
            return _of_type(field, value, format(number, "f") if number.is_finite() else None)
        if field.type == "date":
            return date.fromisoformat(value).isoformat()
    except (ValueError, TypeError, InvalidOperation):
        pass
    return _of_type(field, value, None)


def _of_type(field: Field, value: Any, read: Any) -> Any:
    if read is None:
        raise Refusal(422, "wrong_type", f"{field.name} is of type {field.type}, not {value!r}", field.name)
    return read
