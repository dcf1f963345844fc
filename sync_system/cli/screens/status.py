"""What waits where, as tables or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync_system.bootstrap import Core
from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.cli.screens.rounds import ROUND, round_document, round_of
from sync_system.domain.pace import slowed
from sync_system.errors import BrokerUnavailable
from sync_system.ledger.alerts import Alert
from sync_system.services.status import QueueStatus, SystemStatus, open_alerts, queues_status, systems_status
from sync_system.settings import Settings

STATES = ("pending", "processing", "failed", "parked")


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found, when (microseconds). `broker`: why the broker does not answer, None if it does."""

    systems: Sequence[SystemStatus]
    queues: Sequence[QueueStatus]
    broker: str | None
    at: int
    alerts: Sequence[Alert] = ()


async def ask(settings: Settings) -> Overview:
    """Ask the ledger and the broker; raise LedgerUnavailable."""
    async with opened(settings) as core:
        return await overview_of(core)


async def overview_of(core: Core) -> Overview:
    """Return what is found in an open core's ledger and broker; raise LedgerUnavailable."""
    systems, alerts = await systems_status(core.db, core.settings.systems, core.clock), await open_alerts(core.db)
    try:
        return Overview(systems, await queues_status(core.broker_url, core.topology), None, core.clock(), alerts)
    except BrokerUnavailable as exc:
        return Overview(systems, [], str(exc), core.clock(), alerts)


def print_status(overview: Overview, *, json: bool) -> None:
    """Print what waits where."""
    if json:
        showing.print_json(document(overview))
        return
    out = showing.console()
    columns = ["system", *STATES, "oldest pending", "looks due", "looks", "held", "last news by poll"]
    out.print(showing.table("To be delivered", columns, [_row(one, overview.at) for one in overview.systems]))
    for text in [line for one in overview.systems for line in conditions(one, overview.at)]:
        out.print(showing.line(text, indent=2, style="bold"))
    limited = [row for one in overview.systems if (row := limits(one, overview.at))]
    if limited:
        out.print(
            showing.table("Limits", ["system", "calls today", "allowance left", "pace", "left alone for"], limited)
        )
    if drawn := [round_of(round, overview.at) for one in overview.systems for round in one.rounds]:
        out.print(showing.table("Reconciled", ROUND, drawn))
    if overview.alerts:
        rows = [_alert(one, overview.at) for one in overview.alerts]
        out.print(showing.table("Alerts", ["since", "what", "how many", "what to do", "not told"], rows))
    queues = [(one.name, one.messages, one.consumers) for one in overview.queues]
    if queues:
        out.print(showing.table("Queues", ["queue", "messages", "consumers"], queues))


def _row(one: SystemStatus, now: int) -> list[object]:
    states = [one.states.get(state, 0) for state in STATES]
    oldest, poll = showing.ago(one.oldest_pending_at, now), showing.ago(one.last_poll_at, now)
    return [one.name, *states, oldest, one.looks_due, one.looks, one.held, poll]


def conditions(one: SystemStatus, now: int) -> list[str]:
    """Return why nothing is delivered to a system, in sentences; none if nothing stands in the way."""
    told, breaker = [], one.condition.breaker
    if breaker.opened_at is not None:
        wait = max(breaker.probe_at - now, 0) // showing.SECOND
        probe = f"next probe in {wait} s, {showing.counted(breaker.probes, 'probe')} failed"
        told.append(f"{one.name} is down since {showing.when(breaker.opened_at)}: {breaker.opened_for}; {probe}")
    if pause := one.condition.pause:
        told.append(f"{one.name} is paused since {showing.when(pause.at)} by {pause.by}: {pause.reason}")
    return told


def limits(one: SystemStatus, now: int) -> list[object] | None:
    """Return what is known of a system's limits as cells, None if that is nothing."""
    limit, halvings = one.limit, slowed(one.limit.slowed, one.limit.slowed_at, now)
    if not (limit.today(now) or limit.allowance is not None or halvings or limit.held_until > now):
        return None
    left = "-" if limit.left is None else f"{limit.left} of {limit.allowance}"
    alone = showing.lasting(limit.held_until - now) if limit.held_until > now else "-"
    return [one.name, limit.today(now), left, f"1/{1 << halvings}" if halvings else "full", alone]


def _alert(alert: Alert, now: int) -> list[object]:
    errors = "; ".join(f"{name}: {note['error']}" for name, note in alert.told.items() if "error" in note)
    return [showing.ago(alert.raised_at, now), alert.text, alert.facts.count, alert.facts.command, errors or "-"]


def document(overview: Overview) -> dict[str, Any]:
    """Return an overview as JSON's values."""
    queues = [{"name": one.name, "messages": one.messages, "consumers": one.consumers} for one in overview.queues]
    systems = [_system(one) for one in overview.systems]
    alerts = [
        {"kind": one.kind, "destination": one.destination, "text": one.text, "raised_at": showing.moment(one.raised_at),
         "command": one.facts.command, "told": one.told}
        for one in overview.alerts
    ]  # fmt: skip
    return {"systems": systems, "queues": queues, "alerts": alerts, "broker": overview.broker or "ok"}


def _system(one: SystemStatus) -> dict[str, Any]:
    return {
        "name": one.name, **{state: one.states.get(state, 0) for state in STATES},
        "oldest_pending_at": showing.moment(one.oldest_pending_at), "looks": one.looks, "looks_due": one.looks_due,
        "held": one.held, "last_poll_at": showing.moment(one.last_poll_at), **_condition(one),
        "rounds": [round_document(round) for round in one.rounds],
    }  # fmt: skip


def _condition(one: SystemStatus) -> dict[str, Any]:
    breaker, pause, limit = one.condition.breaker, one.condition.pause, one.limit
    down = {
        "since": showing.moment(breaker.opened_at), "why": breaker.opened_for, "probes_failed": breaker.probes,
        "next_probe_at": showing.moment(breaker.probe_at),
    }  # fmt: skip
    paused = pause and {"since": showing.moment(pause.at), "by": pause.by, "why": pause.reason}
    limits = {
        "day": limit.day, "calls": limit.calls, "allowance": limit.allowance, "left": limit.left, "slowed": limit.slowed,
        "held_until": showing.moment(limit.held_until or None),
    }  # fmt: skip
    return {"down": down if breaker.is_open else None, "paused": paused, "limits": limits}
