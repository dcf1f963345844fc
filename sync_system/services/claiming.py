"""What a claim is: a batch that one worker owns for a while, and what it is about to do for each record of it."""

from dataclasses import dataclass, field, replace
from typing import Any

from sync_system.connectors.protocol import Call, Write
from sync_system.domain import decisions
from sync_system.domain.catalog import Catalog, MatchValue, Route, match_values
from sync_system.domain.fingerprint import fingerprint
from sync_system.domain.link import Intent, Link
from sync_system.domain.outcomes import OutcomeClass
from sync_system.domain.planning import NOTHING, Wanted, intend
from sync_system.domain.transactions import WAITING, Standing, State, dispose
from sync_system.ledger.codec import pack_intent
from sync_system.ledger.dossiers import Dossier, OpenTransaction
from sync_system.ledger.transactions import Plan, Settled


@dataclass(slots=True)
class Work:
    """One claimed transaction on its way.

    `revision`: of the link when it was claimed, before anything was read. `alone`: it is sent in a call of its own.
    """

    transaction: OpenTransaction
    record: str
    revision: int = 0
    external_id: str | None = None
    search: MatchValue | None = None
    intent: Intent | None = None
    write: Write | None = None
    wanted: Wanted = NOTHING
    alone: bool = False

    @property
    def sent(self) -> Intent:
        """What is being sent; only for work that is ready to be."""
        if self.intent is None:
            raise LookupError(f"nothing is prepared to be sent for {self.record}")
        return self.intent


@dataclass(slots=True)
class Claim:
    """The records of one object that a worker owns until its lease is over: to be looked at, to be sent, or closed.

    `probe`: until when it may test a destination that is down, zero if it is up. `charged`: whether a failure may be a record's fault, which it is not
    while the destination is down. `bulk`: it holds the destination's turn for bulk work.
    """

    destination: str
    object: str
    token: int
    until: int
    count: int = 0
    probe: int = 0
    charged: bool = True
    bulk: bool = False
    to_look: dict[str, Work] = field(default_factory=dict)
    to_send: dict[str, Work] = field(default_factory=dict)
    to_delete: dict[str, Work] = field(default_factory=dict)
    closed: list[Settled] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)

    def intended(self) -> dict[str, Any]:
        """Return what must be stored before anything is sent, by transaction."""
        return {str(w.transaction.id): pack_intent(w.intent) for w in self.to_send.values() if w.intent is not None}


def close(claim: Claim, dossier: Dossier, settled: Settled) -> None:
    """End this attempt at a record; what goes back to waiting absorbs a twin that was planned meanwhile."""
    claim.closed.append(with_twin(dossier, settled, claim.plan))


def with_twin(dossier: Dossier, settled: Settled, plan: Plan) -> Settled:
    """Let what goes back to waiting take over its twin's reasons; as that wants something else, it is tried at once."""
    twin = dossier.waiting.get(settled.destination)
    if twin is None or settled.state not in WAITING:
        return settled
    plan.supersede(twin.id, twin.state, settled.destination)
    del dossier.waiting[settled.destination]
    return replace(settled, reason=twin.reason, state=State.PENDING)


def prepare(catalog: Catalog, claim: Claim, dossier: Dossier, work: Work, now: int, *, looked: bool = False) -> None:
    """Decide what is done for one record: a look first, a write, or nothing more."""
    route = catalog.routes[claim.object][claim.destination]
    link = dossier.links.get(claim.destination)
    work.revision, work.external_id = (link.revision, link.external_id) if link else (0, None)
    decided = decisions.claim(dossier.record, link, route.rules, claim.token, now, claim.until)
    work.wanted = decided.wanted
    if decided.look and not looked:
        claim.to_look[work.record] = work
    elif decided.wanted.refused is not None:
        close(claim, dossier, refusal(claim, work, decided.wanted, now))
    elif decided.wanted.delete and not route.deletes:
        want = Wanted(refused=f"{claim.destination} offers no way to delete a row")
        close(claim, dossier, refusal(claim, work, want, now))
    elif decided.wanted.delete:
        claim.to_delete[work.record] = work
    elif not decided.wanted.diff:
        close(claim, dossier, nothing_left(claim, work))
    elif not looked and (search := must_search(catalog, route, dossier, link)):
        work.search = search
        claim.to_look[work.record] = work
    else:
        diff = decided.wanted.diff
        intent = decided.intent or intend(dossier.record, link, route.rules, diff, claim.token, now, claim.until)
        work.intent, work.write = intent, write_of(route, work, intent, link)
        claim.to_send[work.record] = work


def must_search(catalog: Catalog, route: Route, dossier: Dossier, link: Link | None) -> MatchValue | None:
    """Return what to search for before a create, where the system itself would let a second row pass."""
    if "matches" not in route.lookups or (link is not None and link.external_id is not None):
        return None
    known = match_values(catalog.objects[dossier.record.object], dossier.record)
    if not known or known[0][0] in route.unique or known[0][0] not in route.rules.fields:
        return None
    return known[0]


def write_of(route: Route, work: Work, intent: Intent, link: Link | None) -> Write:
    """Return a write in the system's own names."""
    fields = route.rules.fields
    values = {fields[name].name: x for name, x in intent.diff.items()}
    etag = link.etag if link is not None and route.conditional else None
    return Write(work.record, work.external_id, values, etag)


def refusal(claim: Claim, work: Work, want: Wanted, now: int) -> Settled:
    """Park what the mapping does not let pass."""
    message = want.refused or ""
    made = dispose(OutcomeClass.REJECTED, work.transaction.standing, now)
    return Settled(
        work.transaction.id, claim.destination, made.state, made.standing, claim.token, work.transaction.trigger,
        OutcomeClass.REJECTED, made.charged, None, "mapping", message,
        fingerprint(OutcomeClass.REJECTED, "mapping", claim.object, message), work.wanted.digest, record=work.record,
    )  # fmt: skip


def nothing_left(claim: Claim, work: Work) -> Settled:
    """Close what has nothing left to send."""
    return Settled(work.transaction.id, claim.destination, State.SUPERSEDED, Standing(), claim.token, tried=False)


def failure(
    claim: Claim, work: Work, outcome: OutcomeClass, now: int, *, code: str, status: int | None, message: str
) -> Settled:
    """Settle what did not come to a definite yes."""
    made = dispose(outcome, work.transaction.standing, now, charged=claim.charged, alone=work.alone)
    return Settled(
        work.transaction.id, claim.destination, made.state, made.standing, claim.token, work.transaction.trigger,
        outcome, made.charged, status, code, message, fingerprint(outcome, code, claim.object, message), work.wanted.digest,
        record=work.record,
    )  # fmt: skip


def handed_back(claim: Claim, work: Work) -> Settled:
    """Give back what was not tried."""
    standing = work.transaction.standing
    return Settled(
        work.transaction.id,
        claim.destination,
        State.PENDING,
        standing,
        claim.token,
        digest=work.wanted.digest,
        tried=False,
    )


def attempt_row(claim: Claim, call: Call) -> dict[str, Any]:
    """Return the row that tells of one call."""
    return {
        "token": claim.token, "destination": claim.destination, "method": call.method, "url": call.url,
        "status": call.status, "request": call.request, "response": call.response,
        "started_at": call.started_at, "ended_at": call.ended_at,
    }  # fmt: skip
