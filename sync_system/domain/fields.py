"""Fields and their normal forms: two values are the same if they are equal in the normal form of the field's type.

Values travel as plain JSON scalars. Numbers with a fraction are decimal strings, times are ISO 8601 in UTC.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any

import phonenumbers

from sync_system.errors import InvalidValue

Value = str | int | bool | None


class FieldType(StrEnum):
    """What a field holds, and so which normal form its values have."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    ENUM = "enum"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CONSENT = "consent"
    DATE = "date"
    DATETIME = "datetime"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field: its type, the longest value in characters, and for an enum its values."""

    name: str
    type: FieldType = FieldType.TEXT
    max_length: int | None = None
    values: tuple[str, ...] = ()


E164 = re.compile(r"\+[1-9]\d{6,14}\Z")
# What RFC 5321 lets pass in practice, at a fraction of the cost of a full parser: one @, a dot in the domain, no blanks.
EMAIL = re.compile(r"[^@\s,;<>()\[\]\\\"]+@[^@\s.,;<>()\[\]\\\"]+(?:\.[^@\s.,;<>()\[\]\\\"]+)+\Z")
# Times before this many units since 1970 are taken as seconds, else as milliseconds (10^11 s is the year 5138).
MILLISECONDS_FROM = 100_000_000_000


def normal(field: Field, raw: Any, region: str | None = None) -> Value:
    """Return the normal form of `raw` for `field`, None for nothing; raise InvalidValue if it does not fit.

    `region`: the ISO 3166 code that phone numbers without a country code belong to.
    """
    if raw is None or raw == "":
        return None
    value = NORMAL_FORMS[field.type](field, raw, region)
    if field.max_length is not None and isinstance(value, str) and len(value) > field.max_length:
        raise InvalidValue(field.name, f"has {len(value)} characters, {field.max_length} are allowed")
    return value


def text(field: Field, raw: Any, region: str | None = None) -> str | None:
    """Unicode NFC without blanks at either end; numbers become their digits."""
    if not isinstance(raw, str):
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise InvalidValue(field.name, f"expected text, got {kind_of(raw)}")
        raw = str(raw)
    if not raw.isascii():
        raw = unicodedata.normalize("NFC", raw)
    if "\x00" in raw:
        raise InvalidValue(field.name, "contains a NUL character, which no database stores")
    return raw.strip() or None


def email(field: Field, raw: Any, region: str | None = None) -> str | None:
    """Lower case without blanks, checked for the shape of an address."""
    value = text(field, raw)
    if value is None:
        return None
    value = value.lower()
    if not EMAIL.match(value):
        raise InvalidValue(field.name, "is not an email address")
    return value


def phone(field: Field, raw: Any, region: str | None = None) -> str | None:
    """E.164 if the number can be understood, else the text as it came."""
    value = text(field, raw)
    if value is None or E164.match(value):
        return value
    return parsed_phone(value, region)


@lru_cache(maxsize=65_536)
def parsed_phone(value: str, region: str | None) -> str:
    """Return the number in E.164, or unchanged if it is no possible number."""
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return value
    if not phonenumbers.is_possible_number(number):
        return value
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def choice(field: Field, raw: Any, region: str | None = None) -> str | None:
    """One of the field's values."""
    value = text(field, raw)
    if value is not None and field.values and value not in field.values:
        raise InvalidValue(field.name, f"{value!r} is none of {', '.join(field.values)}")
    return value


def integer(field: Field, raw: Any, region: str | None = None) -> int:
    """A whole number, also when it comes as text or as 12.0."""
    number = as_decimal(field, raw)
    if number != number.to_integral_value():
        raise InvalidValue(field.name, "is not a whole number")
    return int(number)


def decimal(field: Field, raw: Any, region: str | None = None) -> str:
    """A decimal string without a trailing fraction of zeros."""
    number = as_decimal(field, raw).normalize()
    return f"{number:f}" if number else "0"


def as_decimal(field: Field, raw: Any) -> Decimal:
    """Read a number as it stands in JSON, text or a float."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise InvalidValue(field.name, f"expected a number, got {kind_of(raw)}")
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation as exc:
        raise InvalidValue(field.name, "is not a number") from exc
    if not number.is_finite():
        raise InvalidValue(field.name, "is not a finite number")
    return number


BOOLEANS: Mapping[Any, bool] = {
    True: True, False: False, "true": True, "false": False, "1": True, "0": False, "yes": True, "no": False,
}  # fmt: skip


def boolean(field: Field, raw: Any, region: str | None = None) -> bool:
    """True or False, also as 1 and 0, "true" and "false", "yes" and "no"."""
    key = raw.strip().lower() if isinstance(raw, str) else raw
    if isinstance(key, dict | list) or key not in BOOLEANS:
        raise InvalidValue(field.name, f"expected true or false, got {kind_of(raw)}")
    return BOOLEANS[key]


def day(field: Field, raw: Any, region: str | None = None) -> str:
    """A calendar day, YYYY-MM-DD; of a time, the day in UTC."""
    if isinstance(raw, str) and len(raw.strip()) == len("YYYY-MM-DD"):
        try:
            return date.fromisoformat(raw.strip()).isoformat()
        except ValueError as exc:
            raise InvalidValue(field.name, "is not a date of the form YYYY-MM-DD") from exc
    return moment(field, raw)[:10]


def moment(field: Field, raw: Any, region: str | None = None) -> str:
    """A time in UTC as ISO 8601 with a Z, from ISO 8601 or from seconds or milliseconds since 1970."""
    at = as_datetime(field, raw).astimezone(UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond >= 1000 else "seconds").replace("+00:00", "Z")


def as_datetime(field: Field, raw: Any) -> datetime:
    """Read a time; one without an offset is taken as UTC."""
    try:
        if isinstance(raw, str) and not raw.strip().lstrip("-").isdigit():
            at = datetime.fromisoformat(raw.strip())
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        number = int(raw)
        return datetime.fromtimestamp(number / 1000 if abs(number) >= MILLISECONDS_FROM else number, UTC)
    except (ValueError, TypeError, OverflowError, OSError) as exc:
        raise InvalidValue(field.name, "is not a time in ISO 8601 or since 1970") from exc


def tags(field: Field, raw: Any, region: str | None = None) -> str | None:
    """A set of words as sorted text, joined by semicolons."""
    parts = raw if isinstance(raw, list) else [raw]
    words = {word.strip() for part in parts for word in (text(field, part) or "").split(";")}
    return ";".join(sorted(words - {""})) or None


def kind_of(raw: Any) -> str:
    """Name the JSON type of a value, for messages that must not show the value."""
    names: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(raw), "a number" if isinstance(raw, int | float) else type(raw).__name__)


NORMAL_FORMS: Mapping[FieldType, Callable[[Field, Any, str | None], Value]] = {
    FieldType.TEXT: text,
    FieldType.EMAIL: email,
    FieldType.PHONE: phone,
    FieldType.URL: text,
    FieldType.ENUM: choice,
    FieldType.INTEGER: integer,
    FieldType.DECIMAL: decimal,
    FieldType.BOOLEAN: boolean,
    FieldType.CONSENT: boolean,
    FieldType.DATE: day,
    FieldType.DATETIME: moment,
    FieldType.TAGS: tags,
}
