"""Refusals in the vendor's words: the status, the category and the sentence that a client has to understand."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson

from sync_system.sandbox.errors import SandboxError
from sync_system.sandbox.serving.faults import Fault

NOT_FOUND = "OBJECT_NOT_FOUND"
VALIDATION = "VALIDATION_ERROR"
CONFLICT = "CONFLICT"
LOCKED = "RECORD_LOCKED"

CATEGORIES = {400: VALIDATION, 401: "EXPIRED_AUTHENTICATION", 403: "MISSING_SCOPES", 404: NOT_FOUND, 409: CONFLICT}


@dataclass(eq=False)
class Problem(SandboxError):
    """Raised when a request, or one record of it, is refused."""

    status: int
    category: str
    message: str
    context: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the reply's body."""
        body = {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid.uuid4()),
            "category": self.category,
            **self.more,
        }
        return body | {"context": self.context} if self.context else body

    def encoded(self) -> bytes:
        """Return the reply's body as bytes."""
        return orjson.dumps(self.body())

    def in_batch(self, trace: str | None) -> dict[str, Any]:
        """Return the entry among a batch reply's errors."""
        context = self.context | ({"objectWriteTraceId": [trace]} if trace is not None else {})
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": context,
            "errors": [],
            "links": {},
        }


def invalid(message: str) -> Problem:
    """Return a refusal of the request's form."""
    return Problem(400, VALIDATION, message)


def invalid_values(faulty: list[dict[str, Any]]) -> Problem:
    """Return a refusal of property values; the vendor puts JSON into the sentence."""
    return invalid(f"Property values were not valid: {orjson.dumps(faulty).decode()}")


def already_exists(owner: int | str) -> Problem:
    """Return a refusal because another contact has the unique value."""
    return Problem(409, CONFLICT, f"Contact already exists. Existing ID: {owner}")


def not_found(name: str) -> Problem:
    """Return a refusal because no contact has this name."""
    return Problem(404, NOT_FOUND, f"resource not found: {name}", context={"ids": [name]})


def too_fast(policy: str) -> Problem:
    """Return a refusal by a rate limit: TEN_SECONDLY_ROLLING, SECONDLY or DAILY."""
    message = f"You have reached your {policy.lower()} limit."
    return Problem(429, "RATE_LIMITS", message, more={"errorType": "RATE_LIMIT", "policyName": policy})


def unauthorized(category: str = "INVALID_AUTHENTICATION") -> Problem:
    """Return a refusal because of the token."""
    if category == "EXPIRED_AUTHENTICATION":
        return Problem(401, category, "The OAuth token used to make this call expired.")
    return Problem(401, category, "Authentication credentials not found. This API supports OAuth 2.0 authentication.")


def missing_scope(scope: str) -> Problem:
    """Return a refusal because the token may not do this."""
    message = "This app hasn't been granted all required scopes to make this call."
    needed = {"message": message, "context": {"requiredGranularScopes": [scope]}}
    return Problem(403, "MISSING_SCOPES", message, more={"errors": [needed], "links": {}})


def dialect(status: int, fault: Fault) -> dict[str, Any]:
    """Word an ordered failure of a whole request."""
    if status == 429:
        return too_fast("TEN_SECONDLY_ROLLING").body()
    if status == 401:
        return unauthorized("EXPIRED_AUTHENTICATION").body()
    return Problem(status, CATEGORIES.get(status, fault.category), fault.message).body()


def of_fault(fault: Fault) -> Problem:
    """Return an ordered failure of one record."""
    if fault.kind == "locked":
        return Problem(423, LOCKED, "This record is locked while a sync is in progress. Try again in a few seconds.")
    return Problem(fault.status, CATEGORIES.get(fault.status, fault.category), fault.message)
