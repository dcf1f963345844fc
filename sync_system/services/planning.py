"""From a merged record to waiting transactions: every system that lacks something of it gets one."""

from sync_system.domain.catalog import Catalog
from sync_system.domain.planning import Wanted, wanted
from sync_system.domain.transactions import State
from sync_system.ledger.dossiers import Dossier
from sync_system.ledger.transactions import Plan


def plan_record(catalog: Catalog, dossier: Dossier, plan: Plan, reason: str, now: int) -> None:
    """Plan for every system that syncs this record's object."""
    for system in catalog.routes[dossier.record.object]:
        plan_system(catalog, dossier, system, plan, reason, now)


def plan_system(catalog: Catalog, dossier: Dossier, system: str, plan: Plan, reason: str, now: int) -> None:
    """Plan for one system: a new transaction, a reason more for the one that waits, or the end of one."""
    record, link = dossier.record, dossier.links.get(system)
    waiting = dossier.waiting.get(system)
    if record.deleted_at is not None and (link is None or link.external_id is None):
        return
    want = wanted(record, link, catalog.rules[record.object][system])
    if not want.anything:
        if waiting is not None and waiting.state is not State.PENDING:
            plan.supersede(waiting.id, waiting.state, system)
            del dossier.waiting[system]
    elif waiting is None:
        if not _under_way(dossier, system, want):
            plan.create(record.id, record.object, system, reason, now)
    elif waiting.state is State.PENDING or waiting.digest == want.digest:
        plan.absorb(waiting.id, reason, now)
    else:
        plan.wake(waiting.id, waiting.state, system, reason, now)


def _under_way(dossier: Dossier, system: str, want: Wanted) -> bool:
    """Whether just this is being sent now: its settlement plans again, so a twin would find nothing to do."""
    processing = dossier.processing.get(system)
    if processing is None:
        return False
    return processing.intent is None or (processing.intent.diff == want.diff and not want.look)
