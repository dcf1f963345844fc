"""One pretend account: its data, its settings, its limits, and what happens to contacts beyond plain writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync_system.sandbox.crm.changes import Change, Origin, record_changes
from sync_system.sandbox.crm.limits import Limits
from sync_system.sandbox.crm.problems import Problem, not_found, of_fault
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Contact, Store, now
from sync_system.sandbox.crm.tokens import Tokens
from sync_system.sandbox.crm.writing import Writer
from sync_system.sandbox.serving.calls import Call, CallLog
from sync_system.sandbox.serving.faults import Faults

AGENT = Origin("CRM_UI", "userId:7")


@dataclass(frozen=True, slots=True)
class Account:
    """The parts that the routes work with."""

    store: Store
    settings: CrmSettings
    faults: Faults
    log: CallLog
    limits: Limits
    tokens: Tokens
    writer: Writer

    def integration(self) -> Origin:
        """Return the origin of what the API's clients write."""
        return Origin("INTEGRATION", str(self.settings.app_id))

    def archive(self, ids: Sequence[str], origin: Origin, call: Call | None = None) -> None:
        """Archive the contacts that are there; Problem where an ordered fault refuses one."""
        with self.store.transaction():
            found = list(self.store.by_values("hs_object_id", ids).values())
            self._refuse_faulty(found, call)
            at = now()
            self.store.archive([contact.id for contact in found], at)
            record_changes(self.store, self.settings, [Change("deletion", contact.id, at, origin) for contact in found])

    def restore(self, ids: Sequence[str], origin: Origin) -> None:
        """Bring archived contacts back."""
        with self.store.transaction():
            found = list(self.store.by_values("hs_object_id", ids, archived=True).values())
            at = now()
            self.store.restore([contact.id for contact in found], at)
            record_changes(self.store, self.settings, [Change("restore", contact.id, at, origin) for contact in found])

    def merge(self, primary: str, merged: str, origin: Origin) -> Contact:
        """Merge one contact into another: the primary keeps its values and gains those that it lacks."""
        with self.store.transaction():
            found = self.store.by_values("hs_object_id", [primary, merged])
            for name in (primary, merged):
                if name not in found:
                    raise not_found(name)
            at, (survivor, gone) = now(), (found[primary], found[merged])
            gained = {
                name: value
                for name, value in gone.properties.items()
                if name not in survivor.properties and name != "hs_merged_object_ids"
            }
            past = ";".join(filter(None, [survivor.properties.get("hs_merged_object_ids"), merged]))
            kept = survivor.properties | gained | {"hs_merged_object_ids": past}
            survivor = replace(survivor, properties=kept, updated_at=at)
            self.store.archive([gone.id], at)
            self.store.update([survivor], at - round(self.settings.index_lag * 1000))
            change = Change("merge", survivor.id, at, origin, gained, merged=(gone.id,))
            record_changes(self.store, self.settings, [change])
        return survivor

    def _refuse_faulty(self, found: Sequence[Contact], call: Call | None) -> None:
        for place, contact in enumerate(found):
            names = {str(contact.id), contact.properties.get("email", "")}
            if call and (fault := self.faults.of_record(call, names, place)):
                raise of_fault(fault)


def counts(store: Store) -> dict[str, Any]:
    """Return how many contacts stand, lie archived, and how many reports wait."""
    [(contacts, archived)] = store.query(
        "select count(*) filter (where not archived), count(*) filter (where archived) from contacts"
    )
    [(changes,)] = store.query("select count(*) from changes")
    [(deliveries,)] = store.query("select count(*) from deliveries")
    return {"contacts": contacts, "archived": archived, "changes_waiting": changes, "deliveries_waiting": deliveries}


__all__ = ["AGENT", "Account", "Problem", "counts"]
