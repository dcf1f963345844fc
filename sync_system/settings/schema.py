"""The configuration as JSON Schema, for editors that complete keys and show what they mean."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sync_system.connectors.registry import ConnectorType
from sync_system.settings.blocks import ObjectBlock, Root, SystemBlock, SystemObjectBlock

Schema = dict[str, Any]


def json_schema(connector_types: Mapping[str, ConnectorType]) -> Schema:
    """Return the JSON Schema (2020-12) of the file, with the keys of all these connectors."""
    definitions: Schema = {}
    schema = _schema(Root, "", definitions)
    kinds = [_kind(kind, definitions) for _, kind in sorted(connector_types.items())]
    schema["properties"] |= {
        "objects": {
            "type": "object",
            "description": ObjectBlock.__doc__,
            "additionalProperties": _schema(ObjectBlock, "", definitions),
        },
        "systems": {
            "type": "object",
            "description": SystemBlock.__doc__,
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["connector"],
                "properties": {"connector": {"enum": sorted(connector_types)}},
                "allOf": kinds,
            },
        },
    }
    schema |= {"patternProperties": {"^x-": {}}, "required": ["systems"], "title": "sync-system configuration"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _kind(kind: ConnectorType, definitions: Schema) -> Schema:
    """Return what holds for systems of one kind."""
    system = _joined([_schema(SystemBlock, "", definitions), _schema(kind.settings, kind.name, definitions)])
    system["properties"]["connector"] = {"const": kind.name}
    object = [_schema(SystemObjectBlock, "", definitions), _schema(kind.object_settings, kind.name, definitions)]
    system["additionalProperties"] = _joined(object)
    return {"if": {"properties": {"connector": {"const": kind.name}}, "required": ["connector"]}, "then": system}


def _joined(schemas: list[Schema]) -> Schema:
    """Return one object schema with the keys of several."""
    return {
        "type": "object",
        "properties": {key: value for schema in schemas for key, value in schema.get("properties", {}).items()},
        "required": [key for schema in schemas for key in schema.get("required", [])],
        "additionalProperties": False,
    }


def _schema(model: type[BaseModel], prefix: str, definitions: Schema) -> Schema:
    """Return a model's schema; what it refers to goes into `definitions`, apart for each connector."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    definitions.update({f"{prefix}{name}": value for name, value in schema.pop("$defs", {}).items()})
    return schema
