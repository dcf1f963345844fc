"""From what a system tells, by webhook or when it is polled, to the message that its queue takes in."""

from sync_system.connectors.protocol import Change
from sync_system.messaging.broker import Outgoing
from sync_system.messaging.envelope import Event
from sync_system.messaging.topology import EVENTS, routing_key


def message(system: str, object: str, change: Change) -> Outgoing:
    """Return the message for a change that a system told of."""
    event = Event(
        id=change.event_id,
        source=system,
        object=object,
        verb=change.verb,
        external_id=change.external_id,
        at=change.at,
        data=None if change.values is None else dict(change.values),
        changes=change.exact if change.values is not None else None,
        into=change.into,
    )
    return Outgoing(EVENTS, routing_key(system, object, change.verb), event.encode(), message_id=event.id)
