"""The connector for HubSpot accounts: contacts by default, other objects by configuration."""

from sync_system.connectors.hubspot.advice import ADVICE
from sync_system.connectors.hubspot.connector import build
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotSettings
from sync_system.connectors.registry import ConnectorType

# The smallest account's burst limit for one app; bigger ones have 190, and say so in the configuration.
RATE = (100, 10.0)
HUBSPOT = ConnectorType("hubspot", HubSpotSettings, HubSpotObject, build, RATE, ADVICE)

__all__ = ["HUBSPOT"]
