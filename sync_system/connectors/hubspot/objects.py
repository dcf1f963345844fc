"""One HubSpot object: its paths in the API, its names in webhooks, and its rows read into ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_system.connectors.hubspot.settings import HubSpotObject
from sync_system.connectors.hubspot.values import AS_TEXT, decoded
from sync_system.connectors.protocol import Row
from sync_system.connectors.times import read_time
from sync_system.domain.fields import FieldType

TYPE_IDS = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "leads": "0-136",
}
WEBHOOK_NAMES = {
    "contacts": "contact",
    "companies": "company",
    "deals": "deal",
    "tickets": "ticket",
    "products": "product",
    "line_items": "line_item",
}


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object. `fields`: own property names with the types of their values."""

    settings: HubSpotObject
    version: str
    fields: Mapping[str, FieldType]

    def path(self, action: str = "") -> str:
        """Return the path of an action on this object's records."""
        kind = self.settings.object_type
        root = f"/crm/v3/objects/{kind}" if self.version == "v3" else f"/crm/objects/{self.version}/{kind}"
        return f"{root}/{action}" if action else root

    @property
    def properties_path(self) -> str:
        """Return the path of this object's properties."""
        kind = self.settings.object_type
        return f"/crm/v3/properties/{kind}" if self.version == "v3" else f"/crm/properties/{self.version}/{kind}"

    @property
    def key(self) -> str:
        """Return the property that carries our key."""
        return self.settings.key_property

    @property
    def modified(self) -> str:
        """Return the property that holds the last change: contacts alone have a name of their own for it."""
        return "lastmodifieddate" if self.settings.object_type == "contacts" else "hs_lastmodifieddate"

    @property
    def type_id(self) -> str | None:
        """Return the type's id as webhooks name it."""
        return self.settings.object_type_id or TYPE_IDS.get(self.settings.object_type)

    @property
    def webhook_name(self) -> str | None:
        """Return what webhooks of the object's own kind begin with; `object.*` ones name the type's id instead."""
        return WEBHOOK_NAMES.get(self.settings.object_type)

    @property
    def properties(self) -> list[str]:
        """Return the properties that a read asks for."""
        return list(dict.fromkeys([*self.fields, self.key, self.modified]))

    def row(self, record: Any) -> Row:
        """Read a record."""
        properties = record.get("properties") or {}
        return Row(
            external_id=str(record["id"]),
            values=self.values(properties),
            key=properties.get(self.key) or None,
            at=read_time(record.get("updatedAt")) or read_time(properties.get(self.modified)),
            deleted=record.get("archived") is True,
        )

    def values(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Return the own fields among properties, in their normal form."""
        return {
            # Most values are texts, which need no decoding but that an empty one is none.
            name: (properties[name] or None) if type in AS_TEXT else decoded(properties[name], type)
            for name, type in self.fields.items()
            if name in properties
        }
