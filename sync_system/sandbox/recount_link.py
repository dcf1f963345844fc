"""Counts what became of two full systems that were linked, on their own databases, against the truth about their rows.

Needs nothing but Python, and imports nothing of sync-system: what it says is a second opinion.

    python recount_link.py APPLICATION.db CRM.db TRUTH.json [EDITS.jsonl]

TRUTH.json says who each row is that stood there before. EDITS.jsonl holds a line for every value that a person typed
meanwhile: {"side": …, "row": …, "field": …, "value": …, "at": …}, the field by its side's own name.
"""

import json
import re
import sqlite3
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

SIDES = ("application", "crm")
KEYS = {"application": "key", "crm": "sync_external_id"}
FIELDS = {
    "email": "email", "firstName": "firstname", "lastName": "lastname", "phone": "phone", "company": "company",
    "jobTitle": "jobtitle", "city": "city", "exhibition": "exhibition", "notes": "message", "stage": "hs_lead_status",
    "emailOptOut": "email_opt_out",
}  # fmt: skip
NAMES = {"application": dict(zip(FIELDS, FIELDS, strict=True)), "crm": {crm: app for app, crm in FIELDS.items()}}
STATUSES = {
    "N": "NEW", "C": "CONNECTED", "W": "IN_PROGRESS", "Q": "OPEN_DEAL", "U": "UNQUALIFIED", "V": "CONVERTED",
    "OPEN": "NEW", "ATTEMPTED_TO_CONTACT": "CONNECTED", "BAD_TIMING": "UNQUALIFIED",
}  # fmt: skip
PROPERTIES = ", ".join(f"json_extract(properties, '$.{name}')" for name in FIELDS.values())
ROWS = {
    "application": f"SELECT id, key, {', '.join(FIELDS)} FROM leads WHERE deleted_at IS NULL",  # noqa: S608
    "crm": f"SELECT id, sync_external_id, {PROPERTIES} FROM contacts WHERE NOT archived",  # noqa: S608
}
Row = tuple[str, str]  # side and id
Values = dict[str, str]  # normal forms by the application's names; what is blank is left out


def text(value: object) -> str:
    """Return composed Unicode without blanks at either end."""
    return unicodedata.normalize("NFC", str(value)).strip()


def phone(value: object) -> str:
    """Return a number with its country's code; without one it is India's."""
    typed = text(value)
    digits = re.sub(r"\D", "", typed)
    if typed.startswith("+"):
        return f"+{digits}"
    national = digits.removeprefix("0")
    return f"+91{national}" if len(national) == 10 else typed


def yes(value: object) -> str:
    """Return whether somebody said yes; no is the same as nothing."""
    return "yes" if text(value).lower() in {"true", "1"} else ""


NORMAL: dict[str, Callable[[object], str]] = {
    "email": lambda value: text(value).lower(),
    "phone": phone,
    "stage": lambda value: STATUSES.get(text(value), text(value)),
    "emailOptOut": yes,
}


def normal(field: str, value: object) -> str:
    """Return a value's normal form, empty for nothing; the field by the application's name."""
    return "" if value is None else NORMAL.get(field, text)(value)


class World:
    """Both systems as they stand, and who everybody is."""

    def __init__(self, application: Path, crm: Path, truth: Path) -> None:
        told = json.loads(truth.read_text())
        self.values: dict[Row, Values] = {}
        self.keys: dict[str, list[Row]] = defaultdict(list)
        for side, path in zip(SIDES, (application, crm), strict=True):
            self._read(side, path)
        self.person: dict[Row, object] = {
            (side, id): person for side in SIDES for id, person in told["people"][side].items()
        }
        self.known = set(self.person)
        self.ambiguous: set[Row] = {(side, id) for side in SIDES for id in told["ambiguous"][side]}
        self.refused: set[Row] = {(side, id) for side in SIDES for id in told["refused"][side]}
        self.created = sorted(self.values.keys() - self.known)
        self._recognise()
        self.rows: dict[object, list[Row]] = defaultdict(list)  # of a person
        for row in sorted(self.known | set(self.created)):
            if row in self.person:
                self.rows[self.person[row]].append(row)

    def _read(self, side: str, path: Path) -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            for id, key, *values in db.execute(ROWS[side]):
                row = (side, str(id))
                forms = {field: normal(field, value) for field, value in zip(FIELDS, values, strict=True)}
                self.values[row] = {field: form for field, form in forms.items() if form}
                if key:
                    self.keys[key].append(row)

    def _recognise(self) -> None:
        """Give each created row the person of the known row that it was made from: by key, else by email, else by phone."""
        named: dict[tuple[str, str, str], object] = {}
        for key, rows in self.keys.items():
            named |= {("key", side, key): self.person[side, id] for side, id in rows if (side, id) in self.known}
        for side, id in self.known & self.values.keys():
            held = self.values[side, id]
            named |= {
                (field, side, held[field]): self.person[side, id] for field in ("email", "phone") if field in held
            }
        carried = {row: key for key, rows in self.keys.items() for row in rows}
        for row in self.created:
            [other] = set(SIDES) - {row[0]}
            held = {**self.values[row], "key": carried.get(row, "")}
            who = [named.get((field, other, held.get(field, ""))) for field in ("key", "email", "phone")]
            if found := next((person for person in who if person is not None), None):
                self.person[row] = found


def created_twice(world: World) -> list[str]:
    """Name who got a row on a side where they, or others of a held group, had one, and keys with two rows on a side."""
    fresh, found, counted = set(world.created), [], set[object]()
    for person, rows in world.rows.items():
        for side in SIDES:
            there = [row for row in rows if row[0] == side]
            made = len(fresh.intersection(there))
            if made and (made > 1 or made < len(there) or not world.ambiguous.isdisjoint(rows)):
                found.append(f"{side}: person {person}")
                counted.add(person)
    for key, rows in world.keys.items():
        twice = len({side for side, _ in rows}) < len(rows)
        if twice and counted.isdisjoint(world.person.get(row) for row in rows):
            found.append(f"key {key}")
    return found


def wrong_pairs(world: World) -> list[str]:
    """Name the keys that rows of different people carry."""
    people = {key: {world.person[row] for row in rows if row in world.person} for key, rows in world.keys.items()}
    return [f"key {key}" for key, some in people.items() if len(some) > 1]


def differences(world: World) -> list[str]:
    """Name the fields in which both rows of somebody differ, rows that are gone, and rows made from nobody's."""
    left_out = {world.person[row] for row in world.ambiguous | world.refused}
    found = [f"{side} {id} is gone" for side, id in sorted(world.known - world.values.keys())]
    found += [f"{side} {id} is nobody's" for side, id in world.created if (side, id) not in world.person]
    for person, rows in world.rows.items():
        standing = [world.values[row] for row in rows if row in world.values]
        if person not in left_out and len({row[0] for row in rows}) == len(SIDES):
            found += [
                f"{field} of person {person}" for field in FIELDS if len({one.get(field) for one in standing}) > 1
            ]
    return found


def lost_edits(world: World, lines: Iterable[str]) -> list[str]:
    """Name the newest edits that do not stand on both sides; those of a held row, which are its own, on its side."""
    newest: dict[tuple[object, str], tuple[float, str, Row]] = {}
    for edit in map(json.loads, filter(str.strip, lines)):
        row, field = (edit["side"], str(edit["row"])), NAMES[edit["side"]][edit["field"]]
        whose = row if row in world.ambiguous else world.person[row]
        entry = (edit["at"], normal(field, edit["value"]), row)
        newest[whose, field] = max(newest.get((whose, field), entry), entry)
    found = []
    for (_, field), (_, value, row) in newest.items():
        rows = [row] if row in world.ambiguous else world.rows[world.person[row]]
        alone = row not in world.ambiguous and len({side for side, _ in rows}) < len(SIDES)
        if alone or any(world.values.get(one, {}).get(field, "") != value for one in rows):
            found.append(f"{field} of {row[0]} {row[1]}")
    return found


def recount(application: Path, crm: Path, truth: Path, edits: Path | None = None) -> dict[str, object]:
    """Return the five counts, with the first few of each as examples."""
    world = World(application, crm, truth)
    found = {
        "created": [f"{side} {id}" for side, id in world.created],
        "created_twice": created_twice(world),
        "lost_edits": lost_edits(world, edits.read_text().splitlines() if edits else ()),
        "differences": differences(world),
        "wrong_pairs": wrong_pairs(world),
    }
    return {name: len(some) for name, some in found.items()} | {
        "examples": {name: some[:5] for name, some in found.items()}
    }


def main() -> int:
    """Print the counts as JSON; exit status 0 only if nothing but what was created is counted."""
    counted = recount(*map(Path, sys.argv[1:5]))
    sys.stdout.write(json.dumps(counted) + "\n")
    return 1 if any(counted[name] for name in ("created_twice", "lost_edits", "differences", "wrong_pairs")) else 0


if __name__ == "__main__":
    sys.exit(main())
