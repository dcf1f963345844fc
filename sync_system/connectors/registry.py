"""Which kinds of system can be spoken to: the built-in ones, and what other packages register."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from pydantic import BaseModel

from sync_system.connectors.protocol import Connector, Gate, OpenGate
from sync_system.domain.fields import FieldType

GROUP = "sync_system.connectors"


@dataclass(frozen=True, slots=True)
class SystemObject:
    """One object of one system as its connector sees it: own settings, and own field names with their types."""

    settings: BaseModel
    fields: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class SystemContext:
    """All that a connector is built from.

    `timeout`: seconds for one call. `public_url`: where senders reach our webhooks. `allow_private`: whether addresses
    of the local network may be called. `gate`: what every call passes.
    """

    name: str
    settings: BaseModel
    objects: Mapping[str, SystemObject]
    timeout: float
    allow_private: bool = False
    public_url: str | None = None
    gate: Gate = field(default_factory=OpenGate)


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """A kind of system: its own keys in the configuration, and how a connector is made from them.

    `rate`: the calls that every account may make, in so many seconds, where the configuration does not say more.
    `advice`: what a person can do about the system's own error codes, by code.
    """

    name: str
    settings: type[BaseModel]
    object_settings: type[BaseModel]
    build: Callable[[SystemContext], Connector]
    rate: tuple[int, float] | None = None
    advice: Mapping[str, str] = field(default_factory=dict)


def connector_types() -> Mapping[str, ConnectorType]:
    """Load every kind of system that is installed, by name."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}
