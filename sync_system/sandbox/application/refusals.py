"""What the application refuses, with a code for programs and a sentence for people."""

from dataclasses import dataclass
from typing import Any

from sync_system.sandbox.errors import SandboxError
from sync_system.sandbox.serving.faults import Fault

CODES = {401: "unauthorized", 404: "not_found", 409: "conflict", 412: "version_conflict", 423: "locked"} | {
    429: "rate_limited",
    503: "unavailable",
}


@dataclass(eq=False)
class Refusal(SandboxError):
    """Raised when a request, or one item of it, is refused."""

    status: int
    code: str
    message: str
    field: str | None = None
    existing_id: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the error as replies and bulk results hold it."""
        error = {"code": self.code, "message": self.message, "field": self.field, "existing_id": self.existing_id}
        return {"error": {name: value for name, value in error.items() if value is not None}}


def unreadable(message: str) -> Refusal:
    """Return a refusal of the request's form."""
    return Refusal(400, "bad_request", message)


def not_found(name: str) -> Refusal:
    """Return a refusal because there is no such lead."""
    return Refusal(404, "not_found", f"there is no lead {name}")


def of_fault(fault: Fault) -> Refusal:
    """Return an ordered failure of one lead."""
    if fault.kind == "locked":
        return Refusal(423, "locked", "this lead is locked by another user")
    return Refusal(fault.status, CODES.get(fault.status, fault.category.lower()), fault.message)


def dialect(status: int, fault: Fault) -> dict[str, Any]:
    """Word an ordered failure of a whole request."""
    return Refusal(status, CODES.get(status, fault.category.lower()), fault.message).body()
