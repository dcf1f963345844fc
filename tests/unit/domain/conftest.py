"""A lead in a few systems, driven by hand through the decisions that services take, with times in microseconds."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings

from sync_system.domain import decisions
from sync_system.domain.decisions import Report
from sync_system.domain.fields import Field, FieldType
from sync_system.domain.link import Link
from sync_system.domain.mapping import FieldRule, Rule, SystemRules
from sync_system.domain.planning import wanted
from sync_system.domain.record import Record
from sync_system.domain.settle import Reply

# As many examples as elsewhere; no deadline on a busy machine, and nothing left on disk.
settings.register_profile("domain", deadline=None, database=None)
settings.load_profile("domain")

SKEW, LATE, LEASE = 5, 1_000, 20
SPECS = {"name": Field("name"), "city": Field("city"), "opt_out": Field("opt_out", FieldType.CONSENT)}


@dataclass
class Lead:
    """One record and its links. `rules`: by system; in their order, the first has the highest rank."""

    rules: dict[str, SystemRules]
    record: Record = field(default_factory=lambda: Record("lead-1", "lead"))
    links: dict[str, Link] = field(default_factory=dict)
    token: int = 0

    @property
    def fields(self):
        return self.record.fields

    @property
    def ranks(self):
        return {name: rules.rank for name, rules in self.rules.items()}

    def link(self, system):
        return self.links.setdefault(system, Link("lead-1", system, f"{system}-1"))

    def report(self, system, at, now=None, **values):
        """Let a snapshot of a row arrive."""
        return self.take(system, Report(f"{system}-1", at, now or at, values))

    def edit(self, system, at, now=None, **values):
        """Let an "only what changed" report arrive."""
        return self.take(system, Report(f"{system}-1", at, now or at, values, exact=True))

    def delete(self, system, at):
        return self.take(system, Report(f"{system}-1", at, at, deleted=True))

    def take(self, system, report):
        receipts = decisions.take_in(self.record, self.link(system), self.rules[system], report, self.ranks)
        return [receipt.row.name for receipt in receipts]

    def look(self, system, at, now=None, **values):
        """Let a look see a row; without values there is none."""
        report = Report(f"{system}-1", at, now or at, values) if values else None
        receipts = decisions.looked(self.record, self.link(system), self.rules[system], report, self.ranks)
        return [receipt.row.name for receipt in receipts]

    def lacks(self, system):
        """Return what would be written to a system."""
        return wanted(self.record, self.links.get(system), self.rules[system]).diff

    def claim(self, system, at):
        self.token += 1
        link, rules = self.link(system), self.rules[system]
        claimed = decisions.claim(self.record, link, rules, self.token, at, at + LEASE)
        if claimed.intent is not None:
            link.intents.append(claimed.intent)
        return claimed

    def deliver(self, system, at, **stored):
        """Claim, write and settle at once; `stored`: what the system made of a value, where that is not what we sent."""
        intent = self.claim(system, at).intent
        reply = Reply(at, at, intent.diff | stored)
        return decisions.done(self.record, self.links[system], self.rules[system], intent, reply, self.ranks)

    def create(self, system, at, **stored):
        """Create the lead's row in a system that has none."""
        link = self.links[system] = Link("lead-1", system)
        intent = self.claim(system, at).intent
        reply = Reply(at, at, intent.diff | stored, whole=True)
        decisions.done(self.record, link, self.rules[system], intent, reply, self.ranks)
        link.external_id = f"{system}-1"
        return intent.diff


@pytest.fixture
def lead():
    """Make a lead of systems, each given as {field: Rule or FieldRule}; what is not given is two-way."""

    def make(**systems):
        rules = {}
        for system, given in systems.items():
            fields = {
                name: rule if isinstance(rule, FieldRule) else FieldRule(SPECS[name], name, rule)
                for name, rule in (dict.fromkeys(SPECS, Rule.TWO_WAY) | given).items()
            }
            rules[system] = SystemRules(system, fields, len(systems) - len(rules), skew=SKEW, late=LATE, timeout=SKEW)
        return Lead(rules)

    return make
