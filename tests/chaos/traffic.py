"""People at work on both sides all the time, and a watch that sees when what they typed arrives on the other side."""

import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from sync_system.sandbox.stack import Stack

BEAT_SECONDS = 0.25
# People do not type faster than this machine can carry: what is measured is the service, not its backlog.
MOST_ON_THE_WAY = 60
BACK = 2_000  # milliseconds that the watch looks back, past what was committed late
COMPANIES = ("Rao & Co", "Müller AG", "Okafor Ltd", "Suzuki KK", "Nowak Sp.")
# Each side types over a field that it has to itself, so that every edit can be seen to arrive, and over one that both
# type over.
APPLICATION = """
    SELECT email, id, cast(city AS integer), cast(jobTitle AS integer) FROM leads
    WHERE updated_at >= ? * 1000"""
CRM = """
    SELECT json_extract(properties, '$.email'), id, cast(json_extract(properties, '$.city') AS integer),
      cast(json_extract(properties, '$.jobtitle') AS integer) FROM contacts WHERE NOT archived AND updated_at >= ?"""


class Traffic:
    """Creates and edits leads in a thread of its own; `created` are the addresses, `arrivals` seconds on the way."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.created: list[str] = []
        self.arrivals: list[float] = []
        self._stack, self._chance = stack, Random(seed)
        self._number, self._seen_at = 0, time.time_ns() // 1_000_000
        self._rows: dict[str, str] = {}
        self._people: dict[str, str] = {}
        self._typed: dict[tuple[str, str], list[tuple[int, float]]] = {}  # by side and address: number, moment
        self._stop, self._resting = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def rest(self) -> None:
        """Type nothing more, but go on watching."""
        self._resting.set()

    def stop(self) -> None:
        """End for good."""
        self._stop.set()
        self._thread.join()

    def on_its_way(self, typed_before: float) -> int:
        """Return how many edits that were typed before a moment have not arrived."""
        if self.failure:
            raise RuntimeError("the traffic has ended") from self.failure
        return sum(at < typed_before for edits in list(self._typed.values()) for _, at in list(edits))

    def missing(self, typed_before: float) -> list[str]:
        """Return the edits that were typed before a moment and have not arrived: side, address, number."""
        found = list(self._typed.items())
        return [f"{side} {who} {n}" for (side, who), edits in found for n, at in list(edits) if at < typed_before]

    def _run(self) -> None:
        try:
            while not self._stop.wait(BEAT_SECONDS):
                if not self._resting.is_set() and self.on_its_way(time.monotonic()) < MOST_ON_THE_WAY:
                    self._create()
                    self._edit()
                self._watch()
        except BaseException as error:  # noqa: BLE001  # told to whoever asks next
            self.failure = error

    def _create(self) -> None:
        leads = [self._person() for _ in range(self._chance.randrange(4))]
        contacts = [self._person() for _ in range(self._chance.randrange(3))]
        if self._chance.random() < 0.05:  # the same person on both sides at once
            leads.append(self._person())
            contacts.append(leads[-1])
        texts = [{"email": one["email"], "phone": one["phone"], "firstName": "Asha", "stage": "N"} for one in leads]
        people = [{"email": one["email"], "phone": one["phone"], "firstname": "Bilal"} for one in contacts]
        typed = [one | {"city": self._note("application", one["email"])} for one in texts]
        said = [one | {"jobtitle": self._note("crm", one["email"])} for one in people]
        if typed:
            self._rows |= dict(zip([one["email"] for one in typed], self._stack.application.create(typed), strict=True))
        if said:
            self._people |= dict(zip([one["email"] for one in said], self._stack.crm.create(said), strict=True))
        self.created += dict.fromkeys(one["email"] for one in (*leads, *contacts))

    def _edit(self) -> None:
        rows, people = self._some(self._rows, 6), self._some(self._people, 4)
        both = [email for email in self._some(self._rows, 1) if email in self._people]
        edits = {self._rows[email]: {"city": self._note("application", email)} for email in rows}
        typed = {self._people[email]: {"jobtitle": self._note("crm", email)} for email in people}
        for email in both:
            edits.setdefault(self._rows[email], {})["company"] = self._chance.choice(COMPANIES)
            typed.setdefault(self._people[email], {})["company"] = self._chance.choice(COMPANIES)
        if edits:
            self._stack.application.edit(edits)
        if typed:
            self._stack.crm.edit(typed)

    def _person(self) -> dict[str, str]:
        self._number += 1
        return {"email": f"chaos{self._number}@example.com", "phone": f"+9198{self._number:08d}"}

    def _some(self, known: Mapping[str, str], most: int) -> Sequence[str]:
        emails = list(known)
        return self._chance.sample(emails, min(self._chance.randrange(most + 1), len(emails)))

    def _note(self, side: str, email: str) -> str:
        """Give an edit its number."""
        self._number += 1
        self._typed.setdefault((side, email), []).append((self._number, time.monotonic()))
        return str(self._number)

    def _watch(self) -> None:
        since, self._seen_at = self._seen_at - BACK, time.time_ns() // 1_000_000
        for email, id, _, number in self._read(self._stack.application.database, APPLICATION, since):
            self._rows[email] = str(id)
            self._arrived(("crm", email), number)
        for email, id, number, _ in self._read(self._stack.crm.database, CRM, since):
            self._people[email] = str(id)
            self._arrived(("application", email), number)

    def _read(self, database: Path, query: str, since: int) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(query, (since,)).fetchall()

    def _arrived(self, edited: tuple[str, str], number: int | None) -> None:
        edits, now = self._typed.get(edited, []), time.monotonic()
        left = [one for one in edits if one[0] > (number or 0)]
        self.arrivals += [now - at for seen, at in edits if seen <= (number or 0)]
        if left:
            self._typed[edited] = left
        else:
            self._typed.pop(edited, None)
