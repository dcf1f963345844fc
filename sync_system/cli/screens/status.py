"""What waits where, as tables or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.errors import BrokerUnavailable
from sync_system.services.status import QueueStatus, SystemStatus, queues_status, systems_status
from sync_system.settings import Settings

STATES = ("pending", "processing", "failed", "parked")


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found, when (microseconds). `broker`: why the broker does not answer, None if it does."""

    systems: Sequence[SystemStatus]
    queues: Sequence[QueueStatus]
    broker: str | None
    at: int


async def ask(settings: Settings) -> Overview:
    """Ask the ledger and the broker; raise LedgerUnavailable."""
    async with opened(settings) as core:
        systems = await systems_status(core.db, settings.systems, core.clock)
        try:
            return Overview(systems, await queues_status(core.broker_url, core.topology), None, core.clock())
        except BrokerUnavailable as exc:
            return Overview(systems, [], str(exc), core.clock())


def print_status(overview: Overview, *, json: bool) -> None:
    """Print what waits where."""
    if json:
        showing.print_json(document(overview))
        return
    out = showing.console()
    columns = ["system", *STATES, "oldest pending", "looks due", "looks", "held", "last news by poll"]
    out.print(showing.table("To be delivered", columns, [_row(one, overview.at) for one in overview.systems]))
    queues = [(one.name, one.messages, one.consumers) for one in overview.queues]
    if queues:
        out.print(showing.table("Queues", ["queue", "messages", "consumers"], queues))


def _row(one: SystemStatus, now: int) -> list[object]:
    states = [one.states.get(state, 0) for state in STATES]
    oldest, poll = showing.ago(one.oldest_pending_at, now), showing.ago(one.last_poll_at, now)
    return [one.name, *states, oldest, one.looks_due, one.looks, one.held, poll]


def document(overview: Overview) -> dict[str, Any]:
    """Return an overview as JSON's values."""
    queues = [{"name": one.name, "messages": one.messages, "consumers": one.consumers} for one in overview.queues]
    systems = [_system(one) for one in overview.systems]
    return {"systems": systems, "queues": queues, "broker": overview.broker or "ok"}


def _system(one: SystemStatus) -> dict[str, Any]:
    return {
        "name": one.name, **{state: one.states.get(state, 0) for state in STATES},
        "oldest_pending_at": showing.moment(one.oldest_pending_at), "looks": one.looks, "looks_due": one.looks_due,
        "held": one.held, "last_poll_at": showing.moment(one.last_poll_at),
    }  # fmt: skip
