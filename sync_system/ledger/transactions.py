"""Transactions by the batch: planned, claimed, settled, handed back, replayed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, bindparam, case, func, literal, select, text, update

from sync_system.domain.transactions import Priority, Standing, State
from sync_system.ledger import causes
from sync_system.ledger.counters import Tally
from sync_system.ledger.database import Sql
from sync_system.ledger.tables import intents, results, transactions

REASON_LIMIT = 2_000
# A claim's token is its moment, made unique by a random number below this.
TOKENS_IN_A_MICROSECOND = 1_024


@dataclass(frozen=True, slots=True)
class Woken:
    """A failed or parked transaction that starts anew."""

    id: int
    state: State
    destination: str
    reason: str
    now: int


@dataclass(slots=True)
class Plan:
    """What a batch of decisions does to waiting transactions; applied in at most four statements.

    `priority`: of what it creates and adds to.
    """

    priority: Priority = Priority.LIVE
    created: list[dict[str, Any]] = field(default_factory=list)
    absorbed: list[dict[str, Any]] = field(default_factory=list)
    woken: list[Woken] = field(default_factory=list)
    superseded: list[tuple[int, State, str]] = field(default_factory=list)

    def destinations(self) -> set[str]:
        """Return the systems that something is to be delivered to."""
        return {row["destination"] for row in self.created} | {woken.destination for woken in self.woken}

    def create(self, record: str, object: str, destination: str, reason: str, now: int) -> None:
        """Plan a new transaction."""
        self.created.append(
            {
                "record": record, "destination": destination, "object": object, "state": State.PENDING,
                "priority": self.priority, "trigger": "live", "reason": reason[:REASON_LIMIT], "attempts": 0, "allowed": 0,
                "at_once": 0, "expiries": 0, "created_at": now, "updated_at": now,
            }
        )  # fmt: skip

    def absorb(self, id: int, reason: str, now: int) -> None:
        """Let a waiting transaction take over a reason."""
        self.absorbed.append({"b_id": id, "b_reason": reason, "b_priority": self.priority, "b_now": now})

    def wake(self, id: int, state: State, destination: str, reason: str, now: int) -> None:
        """Let a failed or parked transaction start anew, because what would be sent has changed."""
        self.woken.append(Woken(id, state, destination, reason, now))

    def supersede(self, id: int, state: State, destination: str) -> None:
        """Close a waiting transaction that has nothing left to send."""
        self.superseded.append((id, state, destination))


_more_reason = (
    func.substr(transactions.c.reason.concat(literal(" ")).concat(bindparam("b_reason")), 1, REASON_LIMIT)
)  # fmt: skip
_the_sooner = case(
    (transactions.c.priority > bindparam("b_priority"), bindparam("b_priority")), else_=transactions.c.priority
)
ABSORB = (
    update(transactions)
    .where(transactions.c.id == bindparam("b_id"))
    .values(reason=_more_reason, priority=_the_sooner, updated_at=bindparam("b_now"))
)
WAKE = (
    update(transactions)
    .where(transactions.c.id == bindparam("b_id"))
    .values(
        state="pending", reason=_more_reason, attempts=0, allowed=0, at_once=0, expiries=0, priority=0,
        trigger="live", failing_since=None, announced_at=None, updated_at=bindparam("b_now"),
    )
)  # fmt: skip


async def apply(sql: Sql, plan: Plan, tally: Tally, now: int) -> None:
    """Write a plan down; the records concerned are locked by the caller."""
    if plan.created:
        await sql.add(transactions, plan.created)
        for row in plan.created:
            tally.add("planned", row["destination"])
            tally.moved(row["destination"], None, State.PENDING)
    if plan.absorbed:
        await sql.execute(ABSORB, plan.absorbed)
    if plan.woken:
        await sql.execute(WAKE, [{"b_id": w.id, "b_reason": w.reason, "b_now": w.now} for w in plan.woken])
        for woken in plan.woken:
            tally.moved(woken.destination, woken.state, State.PENDING)
    if plan.superseded:
        ids = [id for id, _, _ in plan.superseded]
        await sql.execute(
            update(transactions).where(sql.among(transactions.c.id, ids)).values(state="superseded", updated_at=now)
        )
        for _, state, destination in plan.superseded:
            tally.moved(destination, state, State.SUPERSEDED)


async def intend(sql: Sql, token: int, sent: Mapping[str, Any]) -> None:
    """Store what a claim is about to send, by transaction: one document for all of them."""
    if sent:
        await sql.add(intents, [{"token": token, "sent": sent}])


async def intended(sql: Sql, tokens: Collection[int]) -> dict[str, Any]:
    """Return what these claims were about to send, by transaction."""
    query = select(intents.c.sent).where(sql.among(intents.c.token, sorted(tokens))).order_by(intents.c.id)
    return {id: sent for row in await sql.execute(query) for id, sent in row.sent.items()} if tokens else {}


# What a claim under way has stored is needed until it is settled, however long ago its worker died.
FORGET = text(
    """
    DELETE FROM intents WHERE token < :before
      AND token NOT IN (SELECT token FROM transactions WHERE state = 'processing' AND token IS NOT NULL)
    """
)


async def forget_intents(sql: Sql, before: int) -> int:
    """Forget what claims before a moment (microseconds) were about to send, but for those under way; return how many."""
    return int((await sql.execute(FORGET, {"before": before * TOKENS_IN_A_MICROSECOND})).rowcount)


async def still_ours(sql: Sql, ids: Collection[int], token: int) -> set[int]:
    """Return which of these transactions this claim still owns; whoever lost its lease settles nothing."""
    query = select(transactions.c.id).where(
        sql.among(transactions.c.id, list(ids)), transactions.c.state == "processing", transactions.c.token == token
    )
    return {row.id for row in await sql.execute(query)}


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction's new state after an attempt, and why."""

    id: int
    destination: str
    state: State
    standing: Standing
    token: int
    trigger: str = "live"
    outcome: str = "ok"
    charged: bool = False
    status: int | None = None
    code: str = ""
    message: str = ""
    fingerprint: str | None = None
    digest: str | None = None
    reason: str = ""
    tried: bool = True
    record: str = ""


async def close(sql: Sql, ids: Sequence[int], state: State, token: int, now: int) -> None:
    """Close transactions that ended well, all in one statement."""
    if ids:
        await sql.execute(
            update(transactions)
            .where(sql.among(transactions.c.id, ids), transactions.c.token == token)
            .values(state=state, error=None, fingerprint=None, claimed_until=None, failing_since=None, updated_at=now)
        )


BACK = (
    update(transactions)
    .where(transactions.c.id == bindparam("b_id"), transactions.c.token == bindparam("b_token"))
    .values(
        state=bindparam("b_state"), attempts=transactions.c.attempts + bindparam("b_charged", type_=Integer), at_once=bindparam("b_at_once"),
        expiries=bindparam("b_expiries"), failing_since=bindparam("b_since"), error=bindparam("b_error"),
        fingerprint=bindparam("b_fingerprint"), reason=_more_reason, updated_at=bindparam("b_now"),
        digest=bindparam("b_digest"), claimed_until=None, announced_at=None,
    )
)  # fmt: skip


async def settle(sql: Sql, settled: Sequence[Settled], tally: Tally, now: int) -> None:
    """Write down what became of claimed transactions, and a result for each one that was tried."""
    done: dict[State, list[int]] = {State.SUCCEEDED: [], State.SUPERSEDED: []}
    back: list[dict[str, Any]] = []
    for s in settled:
        tally.moved(s.destination, State.PROCESSING, s.state)
        if s.state in done:
            done[s.state].append(s.id)
        else:
            back.append(_back(s, now))
        if s.tried:
            tally.add("delivered", s.destination, s.outcome)
        if s.charged:
            tally.add("charged", s.destination)
    for state, ids in done.items():
        if ids:
            await close(sql, ids, state, settled[0].token, now)
    if back:
        await sql.execute(BACK, back)
    if tried := [_result(s, now) for s in settled if s.tried]:
        await sql.add(results, tried)
    await causes.note(sql, [_failed(s, s.fingerprint) for s in settled if s.fingerprint], now)


def _failed(s: Settled, fingerprint: str) -> causes.Failed:
    return causes.Failed(s.destination, fingerprint, s.outcome, s.code, s.message, s.status, s.id)


def _back(s: Settled, now: int) -> dict[str, Any]:
    return {
        "b_id": s.id, "b_token": s.token, "b_state": s.state, "b_charged": int(s.charged),
        "b_at_once": s.standing.at_once, "b_expiries": s.standing.expiries, "b_since": s.standing.failing_since,
        "b_error": s.message, "b_fingerprint": s.fingerprint, "b_reason": s.reason, "b_now": now, "b_digest": s.digest,
    }  # fmt: skip


def _result(s: Settled, now: int) -> dict[str, Any]:
    return {
        "transaction": s.id, "token": s.token, "trigger": s.trigger, "outcome": s.outcome, "charged": s.charged,
        "status": s.status, "code": s.code, "message": s.message, "at": now,
    }  # fmt: skip


async def expired(sql: Sql, now: int, limit: int) -> list[tuple[int, str, str, int]]:
    """Return (id, record, destination, token) of transactions whose claim's lease is over."""
    t = transactions.c
    query = select(t.id, t.record, t.destination, t.token).where(t.state == "processing", t.claimed_until < now)
    return [tuple(row) for row in await sql.execute(query.limit(limit))]


LOCK_RECORDS = text("SELECT id FROM records WHERE id = ANY(CAST(:ids AS varchar[])) ORDER BY id FOR NO KEY UPDATE")


async def lock_records(sql: Sql, ids: Collection[int]) -> None:
    """Lock the records of transactions, in id order: who changes what waits for a record holds the record first."""
    if not sql.sqlite:
        t = transactions.c
        rows = await sql.execute(select(t.record).where(sql.among(t.id, list(ids))))
        await sql.execute(LOCK_RECORDS, {"ids": [row.record for row in rows]})


async def failed(sql: Sql, destination: str, ids: Collection[int] | None = None) -> list[Any]:
    """Lock and return the failed transactions of a destination, of these ids only if given.

    Their records are locked first: nobody else may wake or supersede them meanwhile.
    """
    t = transactions.c
    query = select(
        t.id, t.record, t.attempts, t.at_once, t.expiries, t.failing_since, t.allowed, t.fingerprint, t.updated_at
    ).where(t.destination == destination, t.state == "failed")
    if ids is not None:
        query = query.where(sql.among(t.id, list(ids)))
    found = list((await sql.execute(query)).all())
    if sql.sqlite or not found:
        return found
    await sql.execute(LOCK_RECORDS, {"ids": [row.record for row in found]})
    return list((await sql.execute(query)).all())


async def failed_since(sql: Sql, destination: str, since: int) -> list[int]:
    """Return the transactions of a destination that failed after a moment, and have not been replayed."""
    t = transactions.c
    query = select(t.id).where(t.destination == destination, t.state == "failed", t.updated_at > since)
    return [row.id for row in await sql.execute(query)]


async def many_failed(sql: Sql, destination: str, count: int) -> set[str]:
    """Return the causes for which at least so many transactions of a destination have failed."""
    t = transactions.c
    query = (
        select(t.fingerprint)
        .where(t.destination == destination, t.state == "failed", t.fingerprint.is_not(None))
        .group_by(t.fingerprint)
        .having(func.count() >= count)
    )
    return {row.fingerprint for row in await sql.execute(query)}


async def failed_for(sql: Sql, destination: str, fingerprint: str, before: int) -> list[int]:
    """Return the transactions of a destination that failed for a cause before a moment, the oldest first."""
    t = transactions.c
    query = select(t.id).where(
        t.destination == destination, t.state == "failed", t.fingerprint == fingerprint, t.updated_at < before
    )
    return [row.id for row in await sql.execute(query.order_by(t.id))]


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Where a transaction stands, and for which cause it failed last."""

    destination: str
    state: str
    fingerprint: str | None


async def standpoints(sql: Sql, ids: Sequence[int]) -> dict[int, Standpoint]:
    """Return where these transactions stand."""
    t = transactions.c
    query = select(t.id, t.destination, t.state, t.fingerprint).where(sql.among(t.id, ids))
    return {row.id: Standpoint(row.destination, row.state, row.fingerprint) for row in await sql.execute(query)}


async def move(sql: Sql, ids: Sequence[int], state: State, trigger: str, now: int) -> list[int]:
    """Move failed transactions to pending or parked; return the ids that were moved."""
    if not ids:
        return []
    changed: dict[str, Any] = {"state": state, "updated_at": now, "announced_at": None}
    if state is State.PENDING:
        changed |= {"priority": Priority.REPLAY, "trigger": trigger}
    statement = (
        update(transactions)
        .where(sql.among(transactions.c.id, ids), transactions.c.state == "failed")
        .values(changed)
        .returning(transactions.c.id)
    )
    return [row.id for row in await sql.execute(statement)]


async def unannounced(sql: Sql, limit: int) -> list[tuple[int, str, int]]:
    """Return (id, destination, attempts) of failed transactions that the failed queue has not heard of."""
    t = transactions.c
    query = select(t.id, t.destination, t.attempts).where(t.state == "failed", t.announced_at.is_(None)).limit(limit)
    return [tuple(row) for row in await sql.execute(query)]


async def forget_announcements(sql: Sql) -> None:
    """Let the failed queues hear of every failed transaction again."""
    t = transactions.c
    await sql.execute(
        update(transactions).where(t.state == "failed", t.announced_at.is_not(None)).values(announced_at=None)
    )


async def announce(sql: Sql, ids: Sequence[int], now: int | None) -> None:
    """Note that the failed queue has confirmed these transactions, or (None) that it must hear of them again."""
    if ids:
        await sql.execute(
            update(transactions)
            .where(sql.among(transactions.c.id, ids), transactions.c.state == "failed")
            .values(announced_at=now)
        )


async def lost_messages(sql: Sql, destination: str, before: int) -> list[int]:
    """Return failed transactions that were announced before a tick which should have brought them, and did not."""
    t = transactions.c
    query = select(t.id).where(t.destination == destination, t.state == "failed", t.announced_at < before)
    return [row.id for row in await sql.execute(query)]
