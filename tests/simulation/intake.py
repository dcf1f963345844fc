"""Taking in what a system tells, with the ghosts that the verdict needs: whose edit the record now shows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync_system.domain import decisions
from sync_system.domain.decisions import Report
from sync_system.domain.fields import Value
from sync_system.domain.observe import Receipt, Row
from sync_system.domain.record import Stamp
from tests.simulation.lead import FIELDS, LATE, RANKS, RULES, UNIT, etag_of
from tests.simulation.ledger import Ledger
from tests.simulation.people import People
from tests.simulation.systems import Ghost, System, Webhook


@dataclass(frozen=True, slots=True)
class Before:
    """What record and link said before a decision: by field, the stamp, the value and when it was last confirmed."""

    stamps: dict[str, Stamp | None]
    values: dict[str, Value]
    confirmed: dict[str, int]


@dataclass(slots=True)
class Witness:
    """Follows which edit each decision made the record show. `confirmed`: who typed what was last confirmed."""

    ledger: Ledger
    people: People
    confirmed: dict[tuple[int, str], Ghost] = field(default_factory=dict)

    def before(self, system: int) -> Before:
        """Note what stands before a decision."""
        record, link = self.ledger.record, self.ledger.links[system]
        held = {name: link.remote.get(name, link.default) for name in FIELDS}  # `held` would change the link
        return Before(
            {name: record.stamp(name) for name in FIELDS},
            dict(record.fields),
            {name: h.seen if h else -1 for name, h in held.items()},
        )

    def reported(self, webhook: Webhook, receipts: Iterable[Receipt], before: Before) -> None:
        """Attribute what a report changed."""
        rows = {receipt.field: receipt.row for receipt in receipts}
        for name, ghost in webhook.ghosts.items():
            last = self.confirmed.get((webhook.system, name), ghost)
            came_back = rows.get(name) is Row.CAME_BACK
            self.attribute(webhook.system, name, before, last if came_back else ghost, first=ghost)
            held = self.ledger.links[webhook.system].held(name)
            if held is not None and held.seen not in (-1, before.confirmed[name]):
                self.confirmed[webhook.system, name] = ghost

    def attribute(self, system: int, name: str, before: Before, ghost: Ghost, first: Ghost) -> None:
        """Let the record show an edit where a merge changed it; consent may still show the `first` of two."""
        record, rule = self.ledger.record, RULES[system].fields[name]
        if name == "opt_out":
            if record.fields[name] != before.values[name]:
                held = self.ledger.links[system].held(name)
                mine = held is not None and held.x == record.fields[name]
                self.people.shown[name] = ghost if mine else first
        elif record.stamp(name) != before.stamps[name]:
            self.people.shown[rule.field.name] = ghost


def report_of(system: System, webhook: Webhook, now: int) -> Report:
    """Return a webhook as intake sees it: values read through the mapping, times in microseconds."""
    rules = RULES[system.number]
    values = {name: rules.fields[name].read(x) for name, x in webhook.values.items()}
    return Report(f"{rules.system}-1", webhook.at, now * UNIT, values, exact=webhook.exact, etag=etag_of(webhook.etag))


def take_in(witness: Witness, system: System, webhook: Webhook, now: int, *, looked: bool = False) -> list[Receipt]:
    """Let production take in a report, or a row that was looked at inside its slot."""
    ledger, number = witness.ledger, system.number
    before, report = witness.before(number), report_of(system, webhook, now)
    decide = decisions.looked if looked else decisions.take_in
    receipts = decide(ledger.record, ledger.links[number], RULES[number], report, RANKS)
    if looked or webhook.at >= (now - LATE) * UNIT:
        for ghost in webhook.ghosts.values():
            witness.people.edits[ghost].seen = True
    witness.reported(webhook, receipts, before)
    ledger.store(number)
    return receipts
