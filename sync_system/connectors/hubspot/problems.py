"""HubSpot's errors: its codes, its sentences with JSON inside of them, and how long it wants to be left alone."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sync_system.connectors.http import Answer, Problem, retry_after
from sync_system.connectors.protocol import Told
from sync_system.domain.outcomes import OutcomeClass

# Ours: the property with our key is missing or not unique, which is the account's fault and no record's.
NO_KEY_PROPERTY = "NO_KEY_PROPERTY"
CODES: Mapping[str, OutcomeClass] = {
    "CONFLICT": OutcomeClass.CONFLICT,
    "CONFLICTING_UNIQUE_VALUE": OutcomeClass.CONFLICT,
    "RATE_LIMITS": OutcomeClass.UNAVAILABLE,
    "RATE_LIMIT": OutcomeClass.UNAVAILABLE,
    "INVALID_AUTHENTICATION": OutcomeClass.UNAVAILABLE,
    "EXPIRED_AUTHENTICATION": OutcomeClass.UNAVAILABLE,
    "MISSING_SCOPES": OutcomeClass.UNAVAILABLE,
    "MIGRATION_IN_PROGRESS": OutcomeClass.UNAVAILABLE,
    NO_KEY_PROPERTY: OutcomeClass.UNAVAILABLE,
}
# 477: the account is being moved to another data centre. 521 to 523 are Cloudflare's words for a server that was not
# reached; after 520 and 524 it may have been.
BY_STATUS: Mapping[int, str] = {477: "MIGRATION_IN_PROGRESS"}
NOT_REACHED = frozenset({521, 522, 523})
MAYBE_REACHED = frozenset({520, 524})
# HubSpot names the window that is used up, and seldom when it opens again; these are the waits of its own library.
WAITS: Mapping[str, float] = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3_600.0}
LOCKED_WAIT = 2.0
EXISTING = re.compile(r"Existing ID:\s*(\d+)|\b(\d+) already has that value")
NOT_UNIQUE = re.compile(r"non-unique \S+ property")
INVALID_PROPERTIES = "Property values were not valid:"
# Values that HubSpot puts into its sentences as they are; in quotes they are no part of the cause.
BARE = re.compile(
    r"(?<=^Email address )[^'\"].*(?= is invalid$)|^[^'\"].*(?= was not one of the allowed options)", re.DOTALL
)


def explained(answer: Answer) -> Problem:
    """Return what an answer says about its failure."""
    document: Mapping[str, Any] = answer.document if isinstance(answer.document, dict) else {}
    problem = problem_in(document)
    code = problem.code or BY_STATUS.get(answer.status or 0, "")
    return Problem(code, problem.message, problem.existing_id, _wait(answer, document))


def problem_in(error: Mapping[str, Any]) -> Problem:
    """Read an error as it stands in an answer, or in a batch for one record."""
    message = str(error.get("message") or "")
    code = str(error.get("category") or error.get("errorType") or error.get("status") or "")
    properties = invalid_properties(message)
    existing = EXISTING.search(message)
    if NOT_UNIQUE.search(message):
        code = NO_KEY_PROPERTY
    if properties:
        code = str(properties[0].get("error") or code)
        message = "; ".join(map(_sentence, properties))
    return Problem(code, message, (existing[1] or existing[2]) if existing else None)


def invalid_properties(message: str) -> list[Mapping[str, Any]]:
    """Return the list that HubSpot puts as JSON into the text of an error; empty if there is none."""
    _, marked, listed = message.partition(INVALID_PROPERTIES)
    if not marked:
        return []
    try:
        found = orjson.loads(listed.strip())
    except orjson.JSONDecodeError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def outcome_class(answer: Answer, code: str) -> OutcomeClass:
    """Class the answer to a whole call."""
    if answer.status in NOT_REACHED:
        return OutcomeClass.UNAVAILABLE
    return OutcomeClass.UNCERTAIN if answer.status in MAYBE_REACHED else answer.outcome(code, CODES)


def told(answer: Answer) -> Told | None:
    """Return what an answer tells of the account's limits."""
    wait = explained(answer).retry_after if answer.status == 429 else None
    day = (
        answer.headers.get("x-hubspot-ratelimit-daily", ""),
        answer.headers.get("x-hubspot-ratelimit-daily-remaining", ""),
    )
    if all(number.isdigit() for number in day):
        return Told(wait, int(day[0]), int(day[1]))
    return None if wait is None else Told(wait)


def _sentence(entry: Mapping[str, Any]) -> str:
    name, said = entry.get("name") or "a property", str(entry.get("message") or entry.get("error") or "is not valid")
    said = BARE.sub(lambda value: f"'{value[0]}'", said)
    return said if str(name) in said else f"{name}: {said}"


def _wait(answer: Answer, document: Mapping[str, Any]) -> float | None:
    asked = retry_after(answer.headers)
    if asked is not None:
        return asked
    if answer.status == 429:
        return WAITS.get(str(document.get("policyName")), WAITS["TEN_SECONDLY_ROLLING"])
    return LOCKED_WAIT if answer.status == 423 else None
