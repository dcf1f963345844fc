"""What came back for one request, and what that says about it: the only place where HTTP becomes an outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sync_system.connectors.protocol import Call
from sync_system.domain.outcomes import OutcomeClass, classify
from sync_system.errors import ConnectorError, SystemRefused, SystemUnavailable

LONGEST_RETRY_AFTER = 86_400.0
# Method not allowed, not implemented: said of the address, and so of no record.
WRONG_PLACE = frozenset({405, 501})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, or the reason why there is none.

    `status` None: none came. `sent`: whether anything of the request may have reached the system. `document`: the
    parsed JSON, None if it was none. `calls`: every request that went out for it, the last is the answered one.
    """

    calls: tuple[Call, ...]
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Any = None
    problem: str = ""
    sent: bool = True

    @property
    def ok(self) -> bool:
        """Whether the system says that it did what it was asked."""
        return self.status is not None and self.status < 300

    def outcome(
        self, code: str = "", codes: Mapping[str, OutcomeClass] | None = None, *, names_row: bool = False
    ) -> OutcomeClass:
        """Class the answer to a write. `names_row`: the address named a row, so that a 404 is about that row."""
        if not self.sent:
            return OutcomeClass.UNAVAILABLE
        if self.status is None:
            return OutcomeClass.UNCERTAIN
        if 300 <= self.status < 400 or self.status in WRONG_PLACE or (self.status == 404 and not names_row):
            return OutcomeClass.UNAVAILABLE
        return classify(self.status, code, codes, body=self.document is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a system says about a failure. `existing_id`: the row in the way. `retry_after`: seconds."""

    code: str = ""
    message: str = ""
    existing_id: str | None = None
    retry_after: float | None = None


Explain = Callable[[Answer], Problem]


def error_of(
    answer: Answer, explain: Explain, codes: Mapping[str, OutcomeClass] | None = None
) -> ConnectorError | None:
    """Return the error that a failed read is, None if the read succeeded."""
    if answer.ok:
        return None if answer.document is not None else SystemUnavailable("the answer is no JSON", status=answer.status)
    problem = explain(answer)
    message = problem.message or answer.problem or f"HTTP {answer.status}"
    if answer.outcome(problem.code, codes, names_row=True) in {OutcomeClass.REJECTED, OutcomeClass.CONFLICT}:
        return SystemRefused(message, code=problem.code, status=answer.status)
    return SystemUnavailable(message, code=problem.code, status=answer.status, retry_after=problem.retry_after)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the system asks us to wait, at most a day, from seconds or an HTTP date."""
    raw = headers.get("retry-after", "").strip()
    if not raw:
        return None
    try:
        wait = float(raw) if raw.replace(".", "", 1).isdigit() else _until(raw)
    except (ValueError, TypeError):
        return None
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER)


def _until(date: str) -> float:
    return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
