"""Two systems that are full before they meet: a look that changes nothing, the link while people go on, a second opinion."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

from sync_system.sandbox.demo import Narrator
from sync_system.sandbox.errors import ServerFailed
from sync_system.sandbox.population import Population, Side, Truth
from sync_system.sandbox.stack import Stack

SIDES: tuple[Side, Side] = ("application", "crm")
LINK = ("link", "application", "crm", "--json")
APPLY = ("--apply", "--prefer", "newest", "--create", "both")
EDITED = 500  # people whose rows are edited meanwhile, of 20,000 rows a side or more
PORTION = 5
PAUSE = 0.1  # seconds between two portions: both sides' clocks tell which edit was the newer
# The CRM has no conditional writes: what is typed there in the moment in which the same field is written is overwritten
# unseen. So its agents keep to fields that nobody writes then, but for a city that the application's staff types over.
STAFF_TYPE = ("city", "company")
AGENTS_TYPE = {"jobtitle": "jobTitle", "message": "notes"}  # and what the application calls it
MENDED: Mapping[str, str] = {"stage": "C", "hs_lead_status": "CONNECTED", "exhibition": "Auto Expo"}
ZEROS = ("created_twice", "lost_edits", "differences")


@dataclass(slots=True)
class LinkDemo:
    """One demonstration on two systems of `each` rows."""

    stack: Stack
    narrator: Narrator
    each: int = 20_000
    seed: int = 1
    faults: list[str] = field(default_factory=list)
    chance: Random = field(default_factory=lambda: Random(20_261))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    truth: Truth = field(init=False)
    told: Path = field(init=False)  # the truth, for the second opinion
    edits: Path = field(init=False)
    quiet: set[tuple[str, str]] = field(default_factory=set)  # contacts and properties that linking writes nothing to

    def run(self) -> dict[str, Any]:
        """Play it to its end, the service down at first; return the report."""
        began = time.monotonic()
        self.fill()
        looked = self.look()
        self.narrator.say("the service starts")
        self.stack.service.up()
        self.link()
        self.mend()
        counted = self.settle()
        return self.report(looked, counted, time.monotonic() - began)

    def fill(self) -> None:
        """Fill both systems, as if people had worked with them for a year."""
        population = Population(self.seed, self.each)
        self.truth, self.edits = population.truth, self.stack.folder / "edits.jsonl"
        self.told = self.stack.fill(population)
        self.edits.touch()
        self.quiet = self.agreed(population)
        self.narrator.say(
            f"{self.each:,} rows on each side: {len(self.truth.pairs):,} people have one on both, typed differently; "
            f"{self.ambiguous()} rows are doubles or point at two people, "
            f"{sum(map(len, self.truth.refused.values()))} cannot be read"
        )

    def agreed(self, population: Population) -> set[tuple[str, str]]:
        """Return which contacts' properties the application's row, if there is one, holds just the same."""
        rows = {side: {row.person: row for row in population.rows(side)} for side in SIDES}
        agreed = set()
        for person, contact in rows["crm"].items():
            lead = rows["application"].get(person)
            for name, own in AGENTS_TYPE.items():
                if lead is None or lead.values[own] == contact.values[name]:
                    agreed.add((str(contact.id), name))
        return agreed

    def ambiguous(self) -> int:
        """Return how many rows of both sides have to stand apart."""
        return sum(map(len, self.truth.ambiguous.values()))

    def look(self) -> dict[str, Any]:
        """Run the command without `--apply`, and hold what it says against the truth and both logs of calls."""
        for system in (self.stack.application, self.stack.crm):
            system.forget_calls()
        if (migrated := self.stack.service.run("migrate")).returncode:
            raise ServerFailed(f"the ledger cannot be set up: {migrated.stderr.strip()[-500:]}")
        began = time.monotonic()
        said: dict[str, Any] = self.answer("the dry run", self.stack.service.run(*LINK))
        self.narrator.say(
            f"the dry run took {time.monotonic() - began:.1f} s: {said.get('pairs')} pairs, "
            f"only on one side {said.get('only')}, ambiguous {said.get('ambiguous')}, refused {said.get('refused')}"
        )
        for name, true in self.expected().items():
            self.check(f"{name} in the dry run", said.get(name), true)
        writes = sum(system.count_calls()["write"] for system in (self.stack.application, self.stack.crm))
        self.check("writes in the dry run", writes, 0)
        return said

    def expected(self) -> dict[str, Any]:
        """Return what a dry run has to find."""
        groups = {"ambiguous": self.truth.ambiguous, "refused": self.truth.refused, "only": self.truth.only}
        counted = {name: {side: len(rows[side]) for side in SIDES} for name, rows in groups.items()}
        return {"rows": dict.fromkeys(SIDES, self.each), "pairs": len(self.truth.pairs), **counted}

    def link(self) -> None:
        """Let the command link, while people on both sides go on editing."""
        people = self.people()
        self.narrator.say(f"it links for good, while people edit the rows of {len(people)} people on both sides")
        began = time.monotonic()
        with ThreadPoolExecutor(1) as background:
            linking = background.submit(self.stack.service.run, *LINK, *APPLY)
            edits = self.edit(people, linking)
            said = self.answer("the link", linking.result())
        self.narrator.say(
            f"linked after {time.monotonic() - began:.1f} s: {said.get('done')}; {edits} values were typed over meanwhile"
        )
        self.check("the run's state", said.get("state"), "done")

    def people(self) -> list[list[tuple[Side, str]]]:
        """Choose whose rows are edited: mostly people on both sides, some on one, a few rows that are held."""
        some = max(20, min(EDITED, self.each // 40))
        paired, held = some * 7 // 10, max(2, some // 50)
        single = some - paired - held
        found: list[list[tuple[Side, str]]] = [
            [("application", a), ("crm", c)] for a, c in self.chance.sample(self.truth.pairs, paired)
        ]
        for rows, most in ((self.truth.only, single), (self.truth.ambiguous, held)):
            every = [(side, id) for side in SIDES for id in rows[side]]
            found += [[row] for row in self.chance.sample(every, min(most, len(every)))]
        self.chance.shuffle(found)
        return found

    def edit(self, people: list[list[tuple[Side, str]]], linking: "Future[CompletedProcess[str]]") -> int:
        """Edit everybody in small portions, some more than once as long as the link goes on; return how many values."""
        edited = 0
        with self.narrator.watch("edits meanwhile", len(people)) as show:
            portions = [people[start : start + PORTION] for start in range(0, len(people), PORTION)]
            for number, portion in enumerate(cycle(portions)):
                if number >= len(portions) and linking.done():
                    break
                first = number < len(portions)
                for side in reversed(SIDES):
                    rows = [id for person in portion for where, id in person if where == side]
                    typed = {id: self.words(side, id, first=first) for id in rows}
                    edited += self.type(side, {id: words for id, words in typed.items() if words})
                    time.sleep(PAUSE)
                show(min(len(people), (number + 1) * PORTION))
        return edited

    def words(self, side: Side, id: str, *, first: bool) -> dict[str, str]:
        """Return what somebody types into a row: into all fields at first, later into one; nothing is typed twice."""
        names = STAFF_TYPE if side == "application" else [name for name in AGENTS_TYPE if (id, name) in self.quiet]
        if not first:
            names = self.chance.sample(names, min(1, len(names)))
        elif side == "crm":
            names = [*names, "city"]
        return {name: f"{name} {next(self.numbers)}" for name in names}

    def type(self, side: Side, rows: Mapping[str, Mapping[str, str]]) -> int:
        """Let people type over values, and write down what and when; return how many values."""
        if not rows:
            return 0
        system = self.stack.application if side == "application" else self.stack.crm
        system.edit(rows)
        at = time.time()
        lines = [
            json.dumps({"side": side, "row": id, "field": name, "value": value, "at": at})
            for id, values in rows.items()
            for name, value in values.items()
        ]
        with self.edits.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        return len(lines)

    def mend(self) -> None:
        """Mend the values that cannot be read, as a person would on each side."""
        for side in SIDES:
            self.type(side, {id: {name: MENDED[name]} for id, name in self.truth.refused[side].items()})
        self.narrator.say("people mend the values that could not be read")

    def settle(self) -> dict[str, Any]:
        """Wait until nothing is on its way and the second opinion finds nothing; return its last count."""
        deadline, to_create = time.monotonic() + 60 + self.each / 100, self.to_create()
        with self.narrator.watch("both sides settle", to_create) as show:
            while True:
                if self.still() or time.monotonic() > deadline:
                    counted = self.stack.recount_link(self.told, self.edits)
                    show(counted["created"])
                    done = counted["created"] >= to_create and not any(counted[name] for name in ZEROS)
                    if done or time.monotonic() > deadline:
                        return counted
                time.sleep(1)

    def still(self) -> bool:
        """Whether nothing is on its way, the CRM's own reports included."""
        reports = self.stack.crm.counts()
        return not (reports["changes_waiting"] or reports["deliveries_waiting"]) and self.stack.settled()

    def to_create(self) -> int:
        """Return how many rows have to come into being: one for each that stands alone, the mended ones too."""
        return sum(len(rows[side]) for rows in (self.truth.only, self.truth.refused) for side in SIDES)

    def report(self, looked: Mapping[str, Any], counted: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the report; its zeros are counted by the second opinion, `differences` by `compare` as well."""
        compared = self.answer("compare", self.stack.service.run("compare", "--json"), {0, 3})
        held = sum(system["held"] for system in compared.get("systems", ()))
        differing = sum((Counter(system["differences"]) for system in compared.get("systems", ())), Counter[str]())
        calls = [system.count_calls() for system in (self.stack.application, self.stack.crm)]
        self.check("rows created", counted["created"], self.to_create())
        self.check("rows held", held, self.ambiguous())
        self.check("rows of different people with one key", counted["wrong_pairs"], 0)
        zeros = {name: counted[name] for name in ZEROS} | {"differences": counted["differences"] + differing.total()}
        for name, found in zeros.items():
            self.check(name, found, 0)
        for fault in self.faults:
            self.narrator.say(f"not as it should be: {fault}")
        if self.faults:
            self.narrator.say(f"examples: {counted['examples']}; by compare: {dict(differing)}")
        return {
            "ok": not self.faults,
            "pairs": looked.get("pairs"),
            "pairs_true": len(self.truth.pairs),
            "held": held,
            "held_true": self.ambiguous(),
            "created": counted["created"],
            **zeros,
            "calls": sum(each["read"] + each["write"] for each in calls),
            "seconds": round(seconds, 1),
        }

    def check(self, what: str, found: object, true: object) -> None:
        """Note what is not as it should be."""
        if found != true:
            self.faults.append(f"{what}: {found}, should be {true}")

    def answer(self, what: str, done: "CompletedProcess[str]", good: frozenset[int] | set[int] = frozenset({0})) -> Any:
        """Return a command's JSON; ServerFailed where it gives none."""
        if done.returncode not in good:
            self.faults.append(f"{what} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise ServerFailed(f"{what} told nothing: {done.stderr.strip()[-500:]}") from error
