"""Writes of leads, many in one SQL transaction together with what the outbox has to tell about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sync_system.sandbox.application.fields import FIELDS, checked, refuse_blank
from sync_system.sandbox.application.refusals import Refusal, not_found, of_fault
from sync_system.sandbox.application.settings import ApplicationSettings
from sync_system.sandbox.application.store import Lead, Store
from sync_system.sandbox.serving.calls import Call
from sync_system.sandbox.serving.faults import Faults


@dataclass(frozen=True, slots=True)
class Write:
    """What one item asks for: a lead by its own id, or by the caller's key, else a new one."""

    values: dict[str, Any]
    id: str | None = None
    key: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A lead as it stands after a write."""

    lead: Lead
    created: bool


@dataclass(slots=True)
class _Batch:
    at: int
    next_id: int
    by_id: dict[str, Lead]
    by_key: dict[str, Lead]
    changed: dict[int, Lead] = field(default_factory=dict)
    notes: list[tuple[str, int, dict[str, Any] | None, int]] = field(default_factory=list)


class Writer:
    """Carries out writes on the store; `publishes` says whether anybody is told."""

    def __init__(
        self, store: Store, faults: Faults, settings: ApplicationSettings, wake: Callable[[], None] | None
    ) -> None:
        self._store, self._faults, self._settings, self._wake = store, faults, settings, wake

    def write(self, writes: Sequence[Write], call: Call | None = None) -> list[Written | Refusal]:
        """Write leads and return what became of each; `call` is what ordered faults are matched against."""
        if call and (fault := self._faults.poisoned(call, [_names(write, None) for write in writes])):
            raise of_fault(fault)
        with self._store.transaction():
            batch = self._begun(writes)
            outcomes = [self._outcome(batch, write, place, call) for place, write in enumerate(writes)]
            self._keep(batch)
        self._woken()
        return outcomes

    def delete(self, ids: Sequence[str], call: Call | None = None) -> list[Lead]:
        """Delete leads and return those that stood."""
        with self._store.transaction():
            batch = self._begun([Write({}, id=id) for id in ids])
            for place, lead in enumerate(list(batch.by_id.values())):
                if call and (fault := self._faults.of_record(call, _names(Write({}), lead), place)):
                    raise of_fault(fault)
                gone = replace(lead, deleted_at=batch.at, updated_at=batch.at, revision=lead.revision + 1)
                batch.changed[lead.id] = gone
                batch.notes.append(("deleted", lead.id, None, batch.at))
            self._keep(batch)
        self._woken()
        return list(batch.changed.values())

    def _begun(self, writes: Sequence[Write]) -> _Batch:
        ids = [int(write.id) for write in writes if write.id and write.id.isdecimal()]
        keys = {key for write in writes for key in (write.key, write.values.get("key")) if isinstance(key, str)}
        by_id = {str(lead.id): lead for lead in self._store.living("id", ids)}
        by_key = {lead.values["key"]: lead for lead in self._store.living("key", sorted(keys))}
        return _Batch(self._store.moment(), self._store.next_id(), by_id, by_key)

    def _outcome(self, batch: _Batch, write: Write, place: int, call: Call | None) -> Written | Refusal:
        try:
            target = self._target(batch, write)
            if call and (fault := self._faults.of_record(call, _names(write, target), place)):
                return of_fault(fault)
            return self._written(batch, write, target)
        except Refusal as refusal:
            return refusal

    def _target(self, batch: _Batch, write: Write) -> Lead | None:
        target = batch.by_id.get(write.id or "") if write.id is not None else batch.by_key.get(write.key or "")
        if target is None and write.id is not None:
            raise not_found(write.id)
        current = batch.changed.get(target.id, target) if target else None
        if write.etag is not None and (current is None or current.etag != write.etag):
            raise Refusal(412, "version_conflict", "the lead was changed since")
        return current

    def _written(self, batch: _Batch, write: Write, target: Lead | None) -> Written:
        given = checked(write.values | ({"key": write.key} if write.key is not None else {}))
        key = given.get("key")
        holder = batch.by_key.get(key) if key else None
        if holder and (target is None or holder.id != target.id):
            raise Refusal(409, "duplicate", f"another lead has the key {key}", "key", str(holder.id))
        before = target.values if target else dict.fromkeys(FIELDS)
        values = before | given
        refuse_blank(values, self._settings.required)
        changes = {name: value for name, value in values.items() if value != before[name]}
        if target and not changes:
            return Written(target, created=False)
        lead = self._changed(batch, target, values)
        told = {name: value for name, value in changes.items() if value is not None or target} | {"key": values["key"]}
        batch.notes.append(("updated" if target else "created", lead.id, told, batch.at))
        return Written(lead, created=target is None)

    def _changed(self, batch: _Batch, target: Lead | None, values: dict[str, Any]) -> Lead:
        if target:
            lead = replace(target, values=values, revision=target.revision + 1, updated_at=batch.at)
        else:
            lead = Lead(batch.next_id, values, 1, batch.at, batch.at)
            batch.next_id += 1
        batch.changed[lead.id] = lead
        if values["key"]:
            batch.by_key[values["key"]] = lead
        return lead

    def _keep(self, batch: _Batch) -> None:
        self._store.save(list(batch.changed.values()))
        if self._wake:
            self._store.note(batch.notes)

    def _woken(self) -> None:
        if self._wake:
            self._wake()


def _names(write: Write, target: Lead | None) -> set[str]:
    given = {write.id, write.key, write.values.get("email"), write.values.get("key")}
    return _plain(given) | (names_of(target) if target else set())


def names_of(lead: Lead) -> set[str]:
    """Return all names by which an ordered fault can mean a lead."""
    return _plain({str(lead.id), lead.values["key"], lead.values["email"]})


def _plain(names: set[str | None]) -> set[str]:
    return {str(name).strip().lower() if "@" in str(name) else str(name) for name in names if name}
