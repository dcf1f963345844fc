"""The kinds of records that are synced: the built-in lead, and what the configuration declares beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_system.domain.fields import Field, FieldType


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One kind of record: its canonical fields, and how two rows are known to be the same one.

    `match`: groups of fields, tried in order. `default_region`: ISO 3166 code for phone numbers without a country.
    `propagates`: a delete is carried to the other systems, at most `deletes_per_hour` times in each.
    """

    name: str
    fields: Mapping[str, Field]
    match: tuple[tuple[str, ...], ...] = ()
    default_region: str | None = None
    propagates: bool = False
    deletes_per_hour: int = 100


STATUSES = ("new", "contacted", "working", "qualified", "unqualified", "converted")
RATINGS = ("hot", "warm", "cold")


def _texts(limits: Mapping[str, int | None]) -> list[Field]:
    return [Field(name, FieldType.TEXT, limit) for name, limit in limits.items()]


LEAD_FIELDS: Mapping[str, Field] = {
    f.name: f
    for f in [
        Field("email", FieldType.EMAIL, 254),
        *_texts({"first_name": 100, "middle_name": 100, "last_name": 100, "salutation": 40, "company": 255}),
        *_texts({"job_title": 255}),
        Field("phone", FieldType.PHONE, 40),
        Field("mobile_phone", FieldType.PHONE, 40),
        Field("fax", FieldType.PHONE, 40),
        Field("website", FieldType.URL, 255),
        *_texts({"street": 255, "city": 80, "state": 80, "postal_code": 20, "country": 80, "industry": 100}),
        Field("employee_count", FieldType.INTEGER),
        Field("annual_revenue", FieldType.DECIMAL),
        Field("lead_source", FieldType.ENUM, 100),
        Field("status", FieldType.ENUM, 100, STATUSES),
        Field("rating", FieldType.ENUM, 100, RATINGS),
        Field("score", FieldType.INTEGER),
        Field("description", FieldType.TEXT, 32_000),
        Field("email_opt_out", FieldType.CONSENT),
        Field("do_not_call", FieldType.CONSENT),
        *_texts({"owner_ref": 255, "utm_source": 255, "utm_medium": 255, "utm_campaign": 255}),
        Field("tags", FieldType.TAGS, 2_000),
        Field("estimated_value", FieldType.DECIMAL),
    ]
}
