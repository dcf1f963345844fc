"""The properties of a contact: what the vendor defines, what the account adds, and which values each accepts."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

EMAIL = re.compile(r"[^@\s,;<>()\[\]]+@[^@\s,;<>()\[\]]+\.[^@\s.,;<>()\[\]]+")
LONGEST_TEXT = 65_536

TEXTS = [
    "email",
    "firstname",
    "lastname",
    "salutation",
    "phone",
    "mobilephone",
    "fax",
    "company",
    "jobtitle",
    "website",
    "address",
    "city",
    "state",
    "zip",
    "country",
    "industry",
    "annualrevenue",
    "message",
]
STATUSES = ["NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"]
STAGES = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
]
SIZES = ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")
LABELS = {"firstname": "First name", "lastname": "Last name", "jobtitle": "Job title", "zip": "Postal code"}


@dataclass(frozen=True, slots=True)
class Property:
    """One property's definition."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    options: tuple[str, ...] = ()
    unique: bool = False
    read_only: bool = False
    own: bool = False  # defined by the account, not by the vendor

    def described(self) -> dict[str, Any]:
        """Return the definition as the API tells it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": self.group,
            "description": "",
            "displayOrder": -1,
            "options": [
                {"label": option, "value": option, "displayOrder": place, "hidden": False}
                for place, option in enumerate(self.options)
            ],
            "hasUniqueValue": self.unique,
            "calculated": False,
            "externalOptions": False,
            "hidden": False,
            "hubspotDefined": not self.own,
            "formField": True,
            "archived": False,
            "modificationMetadata": {
                "archivable": self.own,
                "readOnlyDefinition": not self.own,
                "readOnlyValue": self.read_only,
            },
        }


def vendor_properties() -> dict[str, Property]:
    """Return what every account has."""
    texts = [Property(name, LABELS.get(name, name.capitalize()), unique=name == "email") for name in TEXTS]
    others = [
        Property("hs_lead_status", "Lead status", "enumeration", "radio", options=tuple(STATUSES)),
        Property("lifecyclestage", "Lifecycle stage", "enumeration", "radio", options=tuple(STAGES)),
        Property("numemployees", "Number of employees", "enumeration", "select", options=SIZES),
        Property("hubspot_owner_id", "Contact owner", "enumeration", "select"),
        Property("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox", read_only=True),
        Property("hubspotscore", "HubSpot score", "number", "number", read_only=True),
        Property("hs_object_id", "Record ID", "number", "number", read_only=True),
        Property("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", read_only=True),
        Property("createdate", "Create date", "datetime", "date", read_only=True),
        Property("lastmodifieddate", "Last modified date", "datetime", "date", read_only=True),
    ]
    return {each.name: each for each in (*texts, *others)}


def own_property(body: dict[str, Any]) -> Property:
    """Return the definition that an account's administrator asks for."""
    options = tuple(str(option["value"]) for option in body.get("options") or ())
    return Property(
        str(body["name"]),
        str(body["label"]),
        str(body["type"]),
        str(body["fieldType"]),
        str(body["groupName"]),
        options,
        bool(body.get("hasUniqueValue")),
        own=True,
    )


def checked(known: dict[str, Property], given: dict[str, Any]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the values as they are stored, and what is wrong with the others; an empty text clears."""
    values: dict[str, str] = {}
    faulty: list[dict[str, Any]] = []
    for name, raw in given.items():
        found = known.get(name)
        if found is None:
            faulty.append(_faulty(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST"))
            continue
        text = _text(raw)
        if reason := _reason_against(found, text):
            faulty.append(_faulty(name, *reason))
        else:
            values[name] = _stored(found, text)
    return values, faulty


@lru_cache(maxsize=4096)
def iso(at: int) -> str:
    """Write milliseconds since the epoch as the API does."""
    moment = datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def milliseconds(text: str) -> int:
    """Read a moment given as milliseconds since the epoch or in ISO 8601; ValueError if it is neither."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def renamed(found: Property, changes: dict[str, Any]) -> Property:
    """Return a definition with another label or other options."""
    options = tuple(str(option["value"]) for option in changes.get("options") or ()) or found.options
    return replace(found, label=str(changes.get("label", found.label)), options=options)


def _faulty(name: str, message: str, error: str) -> dict[str, Any]:
    return {"isValid": False, "message": message, "error": error, "name": name}


def _text(raw: object) -> str:
    if raw is None:
        return ""
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def _reason_against(found: Property, text: str) -> tuple[str, str] | None:
    if found.read_only:
        return f'"{found.name}" is a read only property; its value cannot be set.', "READ_ONLY_VALUE"
    if text == "":
        return None
    if found.name == "email" and not EMAIL.fullmatch(text.strip()):
        return f"Email address {text} is invalid", "INVALID_EMAIL"
    if found.type == "bool" and text not in {"true", "false"}:
        return f"{text} was not one of the allowed options: [true, false]", "INVALID_OPTION"
    if found.type == "enumeration" and found.options and not set(text.split(";")) <= set(found.options):
        return f"{text} was not one of the allowed options: [{', '.join(found.options)}]", "INVALID_OPTION"
    if len(text) > LONGEST_TEXT:
        return f"{found.name} was longer than {LONGEST_TEXT} characters", "VALUE_TOO_LONG"
    return _not_of_type(found.type, text)


def _not_of_type(type: str, text: str) -> tuple[str, str] | None:
    try:
        if type == "number":
            float(text)
        elif type == "datetime":
            milliseconds(text)
        elif type == "date" and not re.fullmatch(r"-?\d+", text):
            date.fromisoformat(text)
    except ValueError:
        return (
            (f"{text} was not a valid number.", "INVALID_LONG")
            if type == "number"
            else (f"{text} was not a valid date.", "INVALID_DATE")
        )
    return None


def _stored(found: Property, text: str) -> str:
    if found.name == "email":
        return text.strip().lower()
    if text and found.type == "datetime":
        return iso(milliseconds(text))
    if found.type == "date" and re.fullmatch(r"-?\d+", text):
        return iso(int(text))[:10]
    return text
