"""Faults that a test or a demonstration orders: what they match, how often they strike, and until when."""

import re
import time
from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sync_system.sandbox.serving.calls import Call, Kind

BeforeCommit = Literal["unavailable", "status", "limited", "expired_token", "drop", "hang_before"]
AfterCommit = Literal["lost_reply", "hang_after", "malformed", "drip"]
OfRecord = Literal["locked", "record_error", "half"]
FaultKind = BeforeCommit | AfterCommit | OfRecord | Literal["poison", "unreadable", "refuse", "slow"]

BEFORE_COMMIT: frozenset[str] = frozenset(BeforeCommit.__args__)  # type: ignore[attr-defined]
AFTER_COMMIT: frozenset[str] = frozenset(AfterCommit.__args__)  # type: ignore[attr-defined]
OF_RECORD: frozenset[str] = frozenset(OfRecord.__args__)  # type: ignore[attr-defined]


class Fault(BaseModel):
    """A fault as it is ordered.

    Before anything is committed: `unavailable` (503), `status` (the one given), `limited` (429, with `Retry-After` if
    `retry_after` is given), `expired_token` (401), `drop` (the connection is cut), `hang_before` (no reply).
    After the commit: `lost_reply` (the connection is cut), `hang_after` (no reply), `malformed` (half a body), `drip`
    (the body comes byte by byte and takes `seconds`).
    Of single records: `locked` and `record_error` fail them alone, `poison` fails the whole batch that carries one
    with `status`, `unreadable` the whole read that finds one, `half` fails every second record of a batch.
    `slow` takes `seconds` longer and then goes on. `refuse` closes the port at once, the agents' side with it, and opens
    it again after `seconds`.
    Of what it matches, a fault strikes the `share` given, by chance; without `records`, a share of all records.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    method: str | None = None
    path: str | None = None  # a regular expression, searched for
    only: Kind | None = None
    records: tuple[str, ...] = ()  # ids, keys or emails
    times: int | None = None  # None: until it is cleared
    lasts: float | None = None  # seconds after which it clears by itself
    share: float = Field(default=1.0, gt=0, le=1)
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

    def __init__(self, seed: int = 1) -> None:
        self.on_refuse: Callable[[float], None] | None = None  # what closes the port for so many seconds
        self._chance = Random(seed)
        self._numbers = count(1)
        self._ordered: dict[int, OrderedFault] = {}
        self._until: dict[int, float] = {}

    def order(self, fault: Fault) -> OrderedFault:
        """Put a fault in force."""
        ordered = OrderedFault(id=next(self._numbers), **fault.model_dump())
        if fault.kind == "refuse":
            return self._refuse(ordered)
        self._ordered[ordered.id] = ordered
        if fault.lasts is not None:
            self._until[ordered.id] = time.monotonic() + fault.lasts
        return ordered

    def _refuse(self, fault: OrderedFault) -> OrderedFault:
        if self.on_refuse is None:
            raise RuntimeError("this server cannot close its port")
        self.on_refuse(fault.seconds)
        fault.struck = 1
        return fault

    def in_force(self) -> list[OrderedFault]:
        """Return the faults that can still strike."""
        over = [number for number, until in self._until.items() if until <= time.monotonic()]
        for number in over:
            self.clear(number)
        return list(self._ordered.values())

    def clear(self, number: int | None = None) -> None:
        """Lift one fault, or all."""
        if number is None:
            self._ordered.clear()
            self._until.clear()
        else:
            self._ordered.pop(number, None)
            self._until.pop(number, None)

    def strike(self, call: Call, kinds: Iterable[str]) -> OrderedFault | None:
        """Return the first fault of these kinds that strikes a call, and count it."""
        for fault in self.in_force():
            if fault.kind in kinds and _matches(fault, call) and self._by_chance(fault):
                return self._count(fault)
        return None

    def poisoned(self, call: Call, records: Iterable[set[str]]) -> OrderedFault | None:
        """Return the fault that fails a whole call because of one of its records, each given by all its names."""
        kind = "unreadable" if call.kind == "read" else "poison"
        fault = next((fault for fault in self.in_force() if fault.kind == kind and _matches(fault, call)), None)
        if fault and any(names & set(fault.records) for names in records):
            return self._count(fault)
        return None

    def of_record(self, call: Call, names: set[str], place: int) -> OrderedFault | None:
        """Return the fault that fails a record alone; `place` is its number in the batch."""
        for fault in self.in_force():
            if fault.kind in OF_RECORD and _matches(fault, call) and self._means(fault, names, place):
                return self._count(fault)
        return None

    def _means(self, fault: OrderedFault, names: set[str], place: int) -> bool:
        if fault.kind == "half":
            return place % 2 == 1
        if not fault.records:
            return fault.share < 1 and self._by_chance(fault)
        return bool(names & set(fault.records)) and self._by_chance(fault)

    def _by_chance(self, fault: OrderedFault) -> bool:
        return fault.share == 1 or self._chance.random() < fault.share

    def _count(self, fault: OrderedFault) -> OrderedFault:
        fault.struck += 1
        if fault.times is not None and fault.struck >= fault.times:
            self.clear(fault.id)
        return fault


def _matches(fault: Fault, call: Call) -> bool:
    return (
        (fault.method is None or fault.method.upper() == call.method)
        and (fault.only is None or fault.only == call.kind)
        and (fault.path is None or re.search(fault.path, call.path) is not None)
    )
