"""A page of rows or of records, held against the other side; and what is asked for where they differ."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_system.connectors.protocol import Row
from sync_system.domain.catalog import Catalog
from sync_system.domain.planning import wanted
from sync_system.domain.transactions import Priority
from sync_system.ledger import held, identity, looks, transactions
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Sql
from sync_system.ledger.dossiers import Dossier, load
from sync_system.ledger.reports import Linked, RecordPage
from sync_system.ledger.transactions import Plan
from sync_system.services.differences import Difference, Kind, of_row, open_state, records_to_plan, rows_to_look_at
from sync_system.services.planning import plan_record


@dataclass(slots=True)
class ComparedRows:
    """Rows as they were held against the ledger. `held`: rows that stand apart; `fields`: how many were compared."""

    linked: int
    held: set[str]
    fields: int = 0
    differences: list[Difference] = field(default_factory=list)


async def compare_rows(sql: Sql, catalog: Catalog, object: str, system: str, rows: Mapping[str, Row]) -> ComparedRows:
    """Hold rows, by their ids, against their records and links."""
    region, route = catalog.objects[object].default_region, catalog.routes[object][system]
    owners = await identity.linked(sql, system, object, rows.keys())
    apart = await held.find(sql, system, object, rows.keys() - owners.keys())
    dossiers = await load(sql, set(owners.values()), catalog.rules[object], systems=[system], lock=False)
    compared = ComparedRows(len(owners), set(apart))
    for external_id, row in rows.items():
        if external_id in owners:
            compared.fields += len(row.values)
            compared.differences += of_row(row, dossiers[owners[external_id]], route, region)
        elif external_id not in apart:
            compared.differences.append(Difference(Kind.UNLINKED, object, system, external_id))
    return compared


async def compare_records(
    sql: Sql, catalog: Catalog, object: str, page: RecordPage, seen: Mapping[str, Collection[str]]
) -> dict[str, list[Difference]]:
    """Find links without a row, and records without a link where there should be one.

    `seen`: by system, the rows that there are; the answer is by system as well.
    """
    links = {(link.record, link.system): link for link in page.links}
    bare = {r for r in page.records for system in seen if is_bare(links.get((r, system)))}
    dossiers = await load(sql, bare, catalog.rules[object], lock=False)
    found = {}
    for system, rows in seen.items():
        without = (dossiers[r] for r in page.records if is_bare(links.get((r, system))))
        found[system] = [*_missing(object, system, page.links, rows), *_absent(catalog, object, system, without)]
    return found


def is_bare(link: Linked | None) -> bool:
    """Whether a record has no row in a system, and none that was deleted there."""
    return link is None or (link.external_id is None and not link.deleted)


def _missing(object: str, system: str, links: Iterable[Linked], seen: Collection[str]) -> list[Difference]:
    return [
        Difference(Kind.MISSING, object, system, link.external_id, link.record)
        for link in links
        if link.system == system and link.external_id is not None and not link.deleted and link.external_id not in seen
    ]


def _absent(catalog: Catalog, object: str, system: str, bare: Iterable[Dossier]) -> list[Difference]:
    rules = catalog.rules[object][system]
    found = []
    for dossier in bare:
        want = wanted(dossier.record, dossier.links.get(system), rules)
        if want.anything:
            found.append(
                Difference(
                    Kind.ABSENT, object, system, record=dossier.record.id, reason=want.refused or "",
                    open=open_state(dossier, system),
                )
            )  # fmt: skip
    return found


async def ask_for_repair(
    sql: Sql,
    catalog: Catalog,
    differences: Sequence[Difference],
    tally: Tally,
    reason: str,
    now: int,
    priority: Priority = Priority.LIVE,
) -> set[str]:
    """Ask for looks and plan again, for differences of one object in one system; return where there is work then.

    The rest is done by those who look and deliver anyway.
    """
    if not differences:
        return set()
    object, system = differences[0].object, differences[0].system
    ids = rows_to_look_at(differences) if "ids" in catalog.routes[object][system].lookups else []
    plan = Plan(priority)
    for dossier in (await load(sql, records_to_plan(differences), catalog.rules[object])).values():
        plan_record(catalog, dossier, plan, reason, now)
    await transactions.apply(sql, plan, tally, now)
    await looks.ask(sql, [_look(system, object, external_id, reason, now) for external_id in ids])
    return plan.destinations()


def _look(system: str, object: str, external_id: str, reason: str, now: int) -> dict[str, Any]:
    return {
        "external_id": external_id, "system": system, "object": object, "reason": reason,
        "reported_at": now, "tries": 0, "next_at": now,
    }  # fmt: skip
