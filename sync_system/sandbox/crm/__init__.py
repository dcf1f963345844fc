"""A pretend CRM that speaks HubSpot's dialect over real HTTP, with the vendor's habits, good and bad."""

from sync_system.sandbox.crm.process import PretendCrm

__all__ = ["PretendCrm"]
