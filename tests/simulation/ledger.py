"""The ledger of the world: one record, a link per system, who waits and who is being processed.

Every few changes a link and the record go through the real codec and JSON, as they would between two batches.
"""

from dataclasses import dataclass, field

import orjson

from sync_system.domain.link import Intent, Link
from sync_system.domain.planning import wanted
from sync_system.domain.record import Record
from sync_system.ledger.codec import pack_link, pack_record, unpack_link, unpack_record
from tests.simulation.lead import RULES, first_link, first_record

STORED_EVERY = 3


@dataclass(slots=True)
class Ledger:
    """`waiting`: systems with a waiting transaction. `processing`: system to (token, end of its lease in seconds)."""

    systems: int
    record: Record = field(default_factory=first_record)
    links: list[Link] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    processing: dict[int, tuple[int, int]] = field(default_factory=dict)
    intents: dict[int, Intent] = field(default_factory=dict)
    last_token: int = 0
    changes: int = 0

    def __post_init__(self) -> None:
        self.links = [first_link(number) for number in range(self.systems)]

    def claim(self, system: int, until: int) -> int:
        """Move a system's transaction from waiting to processing and return the claim's token."""
        self.waiting.discard(system)
        self.last_token += 1
        self.processing[system] = (self.last_token, until)
        return self.last_token

    def intend(self, system: int, intent: Intent) -> None:
        """Store the intent of a claim, before anything is sent."""
        self.intents[system] = intent
        self.links[system].intents.append(intent)

    def owns(self, system: int, token: int) -> bool:
        """Whether a claim still stands; an expired worker may settle nothing."""
        return self.processing.get(system, (0, 0))[0] == token

    def close(self, system: int) -> None:
        """End the processing of a system's transaction."""
        del self.processing[system]
        self.intents.pop(system, None)

    def plan(self) -> None:
        """Let a transaction wait for every system that lacks something or wants a look."""
        for number, link in enumerate(self.links):
            if number not in self.waiting and wanted(self.record, link, RULES[number]).anything:
                self.waiting.add(number)

    def store(self, system: int) -> None:
        """Note a change of the record and a link; every few times both are written out and read back."""
        self.changes += 1
        if self.changes % STORED_EVERY:
            return
        link, rules = self.links[system], RULES[system]
        state = orjson.loads(orjson.dumps(pack_link(link, rules)))
        self.links[system] = unpack_link(
            link.record,
            link.system,
            link.external_id,
            state,
            rules,
            verify=link.verify,
            revision=link.revision,
            etag=link.etag,
            etag_at=link.etag_at,
            deleted_at=link.deleted_at,
        )
        fields, stamps = orjson.loads(orjson.dumps(pack_record(self.record)))
        self.record = unpack_record(self.record.id, self.record.object, fields, stamps, self.record.deleted_at)
