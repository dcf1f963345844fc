"""The connector for HubSpot accounts: contacts by default, other objects by configuration."""

from sync_system.connectors.hubspot.advice import ADVICE
from sync_system.connectors.hubspot.connector import build
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotSettings
from sync_system.connectors.registry import ConnectorType

HUBSPOT = ConnectorType("hubspot", HubSpotSettings, HubSpotObject, build, ADVICE)

__all__ = ["HUBSPOT"]
