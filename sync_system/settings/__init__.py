"""The configuration file as typed values: read once at the start and again when it changes, refused with its lines."""

from sync_system.settings.loading import load, load_text
from sync_system.settings.model import Settings, SystemObjectSettings, SystemSettings
from sync_system.settings.schema import json_schema
from sync_system.settings.translation import field_rules, object_spec, own_fields, ranks, system_rules

__all__ = [
    "Settings",
    "SystemObjectSettings",
    "SystemSettings",
    "field_rules",
    "json_schema",
    "load",
    "load_text",
    "object_spec",
    "own_fields",
    "ranks",
    "system_rules",
]
