"""Writes of contacts, many in one SQL transaction: who is meant, what conflicts, what changed and who is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sync_system.sandbox.crm.changes import Change, Origin, record_changes
from sync_system.sandbox.crm.problems import Problem, already_exists, invalid, invalid_values, not_found, of_fault
from sync_system.sandbox.crm.properties import checked
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Contact, Store, now
from sync_system.sandbox.serving.calls import Call
from sync_system.sandbox.serving.faults import Faults

Mode = Literal["create", "update", "upsert"]
RECORD_ID = "hs_object_id"


@dataclass(frozen=True, slots=True)
class Write:
    """What one input of a request asks for; `name` is the value of `id_property`."""

    properties: dict[str, Any]
    name: str = ""
    id_property: str = RECORD_ID
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A contact as it stands after a write."""

    contact: Contact
    created: bool
    names: tuple[str, ...]  # the properties that were written
    trace: str | None


@dataclass(slots=True)
class Batch:
    """One request's writes on their way: what was found, what is planned."""

    mode: Mode
    origin: Origin
    at: int
    targets: dict[tuple[str, str], Contact] = field(default_factory=dict)
    owners: dict[tuple[str, str], int] = field(default_factory=dict)  # unique (property, value) → contact
    fresh: dict[int, Contact] = field(default_factory=dict)
    edited: dict[int, Contact] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


class Writer:
    """Carries out writes on the store."""

    def __init__(self, store: Store, faults: Faults, settings: CrmSettings) -> None:
        self._store, self._faults, self._settings = store, faults, settings

    def write(
        self, writes: Sequence[Write], mode: Mode, origin: Origin, call: Call | None = None
    ) -> list[Written | Problem]:
        """Write contacts and return what became of each; all or nothing unless every write has a trace.

        Raises Problem when the whole request is refused. `call` is what ordered faults are matched against.
        """
        if call:
            self._refuse_poison(writes, call)
        with self._store.transaction():
            batch = Batch(mode, origin, now())
            values = [checked(self._store.properties, write.properties) for write in writes]
            self._find(batch, writes, [good for good, _ in values])
            ids = iter(self._store.next_ids(len(writes)))
            outcomes: list[Written | Problem] = []
            for place, (write, (good, faulty)) in enumerate(zip(writes, values, strict=True)):
                fault = self._faults.of_record(call, _names(batch, write), place) if call else None
                if fault:
                    outcomes.append(of_fault(fault))
                elif faulty:
                    outcomes.append(invalid_values(faulty))
                else:
                    outcomes.append(self._plan(batch, write, good, ids))
            self._refuse_whole(writes, outcomes)
            self._keep(batch)
        return outcomes

    def _refuse_poison(self, writes: Sequence[Write], call: Call) -> None:
        fault = self._faults.poisoned(call, (_texts(write) for write in writes))
        if fault:
            raise of_fault(fault)

    def _refuse_whole(self, writes: Sequence[Write], outcomes: Sequence[Written | Problem]) -> None:
        first = next((outcome for outcome in outcomes if isinstance(outcome, Problem)), None)
        if first and not all(write.trace is not None for write in writes):
            raise first

    def _find(self, batch: Batch, writes: Sequence[Write], values: Sequence[dict[str, str]]) -> None:
        named: dict[str, list[str]] = {}
        for write in writes if batch.mode != "create" else ():
            named.setdefault(write.id_property, []).append(write.name)
        for name, wanted in named.items():
            found = self._store.by_values(name, wanted)
            batch.targets |= {(name, value): contact for value, contact in found.items()}
            batch.owners |= {(name, value): contact.id for value, contact in found.items()}
        for name in self._unique():
            claimed = [value for each in values if (value := each.get(name))]
            found = self._store.by_values(name, claimed) if claimed else {}
            batch.owners |= {(name, value): contact.id for value, contact in found.items()}

    def _unique(self) -> list[str]:
        return [name for name, found in self._store.properties.items() if found.unique]

    def _plan(self, batch: Batch, write: Write, values: dict[str, str], ids: Any) -> Written | Problem:
        target = batch.targets.get((write.id_property, _normal(write)))
        if target is None and batch.mode == "update":
            return not_found(write.name)
        if target is None and batch.mode == "upsert":
            extra, faulty = checked(self._store.properties, {write.id_property: write.name})
            if faulty:
                return invalid_values(faulty)
            values = extra | values
        own = target.id if target else None
        for name in self._unique():
            owner = batch.owners.get((name, values.get(name) or ""))
            if owner is not None and owner != own:
                return already_exists(owner)
        return self._edit(batch, write, target, values) if target else self._create(batch, write, values, ids)

    def _create(self, batch: Batch, write: Write, values: dict[str, str], ids: Any) -> Written | Problem:
        kept = {name: value for name, value in values.items() if value}
        if not kept.keys() & {"email", "firstname", "lastname", write.id_property}:
            return invalid("At least one of email, firstname or lastname must be set to create a contact.")
        contact = Contact(next(ids), kept, batch.at, batch.at)
        batch.fresh[contact.id] = contact
        self._claim(batch, contact)
        batch.changes.append(Change("creation", contact.id, batch.at, batch.origin, kept))
        return Written(contact, created=True, names=tuple(values), trace=write.trace)

    def _edit(self, batch: Batch, write: Write, target: Contact, values: dict[str, str]) -> Written:
        contact = batch.edited.get(target.id) or target
        changed = {name: value for name, value in values.items() if contact.properties.get(name, "") != value}
        if changed:
            merged = {name: value for name, value in (contact.properties | changed).items() if value}
            contact = replace(contact, properties=merged, updated_at=max(batch.at, contact.updated_at))
            batch.edited[contact.id] = contact
            self._claim(batch, contact)
            batch.changes.append(Change("propertyChange", contact.id, batch.at, batch.origin, changed))
        return Written(contact, created=False, names=tuple(values), trace=write.trace)

    def _claim(self, batch: Batch, contact: Contact) -> None:
        for name in self._unique():
            if value := contact.properties.get(name):
                batch.owners[name, value] = contact.id

    def _keep(self, batch: Batch) -> None:
        self._store.insert(list(batch.fresh.values()))
        horizon = batch.at - round(self._settings.index_lag * 1000)
        self._store.update(list(batch.edited.values()), horizon)
        record_changes(self._store, self._settings, batch.changes)


def _normal(write: Write) -> str:
    return write.name.strip().lower() if write.id_property == "email" else write.name


def _texts(write: Write) -> set[str]:
    email = str(write.properties.get("email") or "").lower()
    return {write.name, email, str(write.properties.get("sync_external_id") or "")} - {""}


def _names(batch: Batch, write: Write) -> set[str]:
    target = batch.targets.get((write.id_property, _normal(write)))
    return _texts(write) | (names_of(target) if target else set())


def names_of(contact: Contact) -> set[str]:
    """Return all names by which an ordered fault can mean a contact."""
    return {str(contact.id), *(contact.properties.get(name, "") for name in ("email", "sync_external_id"))} - {""}
