"""The connector for every system with a REST API: described in the configuration, not programmed."""

from sync_system.connectors.registry import ConnectorType
from sync_system.connectors.rest.connector import build
from sync_system.connectors.rest.settings import RestSettings
from sync_system.connectors.rest.shapes import RestObject

REST = ConnectorType("rest", RestSettings, RestObject, build)

__all__ = ["REST"]
