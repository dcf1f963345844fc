"""Faults that a test or a demonstration orders: what they match, how often they strike, and until when."""

import re
from collections.abc import Iterable
from itertools import count
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sync_system.sandbox.serving.calls import Call, Kind

BeforeCommit = Literal["unavailable", "status", "limited", "expired_token", "drop", "hang_before"]
AfterCommit = Literal["lost_reply", "hang_after", "malformed"]
OfRecord = Literal["locked", "record_error", "poison", "half"]
FaultKind = BeforeCommit | AfterCommit | OfRecord | Literal["slow"]

BEFORE_COMMIT: frozenset[str] = frozenset(BeforeCommit.__args__)  # type: ignore[attr-defined]
AFTER_COMMIT: frozenset[str] = frozenset(AfterCommit.__args__)  # type: ignore[attr-defined]


class Fault(BaseModel):
    """A fault as it is ordered.

    Before anything is committed: `unavailable` (503), `status` (the one given), `limited` (429, with `Retry-After` if
    `retry_after` is given), `expired_token` (401), `drop` (the connection is cut), `hang_before` (no reply).
    After the commit: `lost_reply` (the connection is cut), `hang_after` (no reply), `malformed` (half a body).
    Of single records: `locked` and `record_error` fail them alone, `poison` fails the whole batch that carries one
    with `status`, `half` fails every second record of a batch.
    `slow` takes `seconds` longer and then goes on.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    method: str | None = None
    path: str | None = None  # a regular expression, searched for
    only: Kind | None = None
    records: tuple[str, ...] = ()  # ids, keys or emails
    times: int | None = None  # None: until it is cleared
    status: int = 500
    category: str = "INTERNAL_ERROR"
    message: str = "internal error"
    retry_after: int | None = None
    seconds: float = 60.0


class OrderedFault(Fault):
    """A fault in force, with its number and how often it struck."""

    id: int
    struck: int = 0


class Faults:
    """The faults in force; one that struck as often as it was ordered leaves by itself."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._ordered: dict[int, OrderedFault] = {}

    def order(self, fault: Fault) -> OrderedFault:
        """Put a fault in force."""
        ordered = OrderedFault(id=next(self._numbers), **fault.model_dump())
        self._ordered[ordered.id] = ordered
        return ordered

    def in_force(self) -> list[OrderedFault]:
        """Return the faults that can still strike."""
        return list(self._ordered.values())

    def clear(self, number: int | None = None) -> None:
        """Lift one fault, or all."""
        if number is None:
            self._ordered.clear()
        else:
            self._ordered.pop(number, None)

    def strike(self, call: Call, kinds: Iterable[str]) -> OrderedFault | None:
        """Return the first fault of these kinds that matches a call, and count it."""
        for fault in self._ordered.values():
            if fault.kind in kinds and _matches(fault, call):
                return self._count(fault)
        return None

    def poisoned(self, call: Call, records: Iterable[set[str]]) -> OrderedFault | None:
        """Return the fault that fails a whole batch because of one of its records, each given by all its names."""
        fault = next((fault for fault in self._of_records(call) if fault.kind == "poison"), None)
        if fault and any(names & set(fault.records) for names in records):
            return self._count(fault)
        return None

    def of_record(self, call: Call, names: set[str], place: int) -> OrderedFault | None:
        """Return the fault that fails a record alone; `place` is its number in the batch."""
        for fault in self._of_records(call):
            if (fault.kind == "half" and place % 2) or (fault.kind != "poison" and names & set(fault.records)):
                return self._count(fault)
        return None

    def _of_records(self, call: Call) -> list[OrderedFault]:
        kinds = OfRecord.__args__  # type: ignore[attr-defined]
        return [fault for fault in self._ordered.values() if fault.kind in kinds and _matches(fault, call)]

    def _count(self, fault: OrderedFault) -> OrderedFault:
        fault.struck += 1
        if fault.times is not None and fault.struck >= fault.times:
            self._ordered.pop(fault.id, None)
        return fault


def _matches(fault: Fault, call: Call) -> bool:
    return (
        (fault.method is None or fault.method.upper() == call.method)
        and (fault.only is None or fault.only == call.kind)
        and (fault.path is None or re.search(fault.path, call.path) is not None)
    )
