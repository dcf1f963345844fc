"""The configuration as it is used: every block typed, connectors' own keys in their own models."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from sync_system.settings.blocks import FieldMapping, ObjectBlock, Root, SystemBlock


@dataclass(frozen=True, slots=True)
class SystemObjectSettings:
    """One object of one system. `settings`: the connector's own keys. `reports`: rows or changes."""

    settings: BaseModel
    fields: Mapping[str, FieldMapping]
    reports: str


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """One system. `settings`: the connector's own keys; `common`: those that every system has."""

    name: str
    common: SystemBlock
    settings: BaseModel
    objects: Mapping[str, SystemObjectSettings]

    @property
    def connector(self) -> str:
        """The name of the kind of system."""
        return self.common.connector


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration; systems in the order of the file."""

    root: Root
    objects: Mapping[str, ObjectBlock]
    systems: Mapping[str, SystemSettings]
