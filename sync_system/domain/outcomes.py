"""What a system's answer to a write means, and what happens next: decided here and nowhere else."""

from collections.abc import Mapping
from enum import StrEnum


class OutcomeClass(StrEnum):
    """The six things that can become of a write."""

    OK = "ok"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    RETRY = "retry"
    UNAVAILABLE = "unavailable"
    UNCERTAIN = "uncertain"


BY_STATUS: Mapping[int, OutcomeClass] = {
    401: OutcomeClass.UNAVAILABLE,
    403: OutcomeClass.UNAVAILABLE,
    408: OutcomeClass.UNCERTAIN,
    409: OutcomeClass.CONFLICT,
    412: OutcomeClass.CONFLICT,
    423: OutcomeClass.RETRY,
    425: OutcomeClass.UNAVAILABLE,
    429: OutcomeClass.UNAVAILABLE,
    502: OutcomeClass.UNCERTAIN,
    503: OutcomeClass.UNAVAILABLE,
    504: OutcomeClass.UNCERTAIN,
}


def classify(
    status: int,
    code: str = "",
    codes: Mapping[str, OutcomeClass] | None = None,
    *,
    alone: bool = False,
    body: bool = True,
) -> OutcomeClass:
    """Class an answer by the vendor's error code first, by the HTTP status second.

    `codes`: the vendor's own table. `alone`: the answer is about one record, not about the whole call. `body`: the
    answer had one that could be read; a 500 without says nothing about what was done before it.
    """
    if codes and code in codes:
        return codes[code]
    if status < 300:
        return OutcomeClass.OK
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status >= 500:
        return OutcomeClass.RETRY if alone or body else OutcomeClass.UNCERTAIN
    return OutcomeClass.REJECTED
