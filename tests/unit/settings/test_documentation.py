"""The documentation names every key, and its example is a configuration that loads."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from sync_system.connectors.hubspot import HUBSPOT
from sync_system.connectors.rest import REST
from sync_system.domain.objects import LEAD_FIELDS
from sync_system.settings import blocks, field_rules, load, object_spec

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "configuration.md").read_text()
MODELS = [
    model
    for model in vars(blocks).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == blocks.__name__
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_guide_names_every_key_once_a_table(model):
    tables = re.split(r"\n#+ ", GUIDE)
    keys = {field.alias or name for name, field in model.model_fields.items()}
    named = [set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) for table in tables]
    assert any(keys <= table <= keys | {"objects", "systems"} for table in named), keys


def test_guide_names_every_built_in_field():
    assert [name for name in LEAD_FIELDS if f"`{name}`" not in GUIDE] == []


def test_example_configuration_loads():
    names = {"SYNC_BROKER": "amqp://127.0.0.1/", "APP_TOKEN": "a", "HUBSPOT_TOKEN": "b", "HUBSPOT_CLIENT_SECRET": "c"}
    settings = load(ROOT / "examples" / "sync-system.yaml", {"rest": REST, "hubspot": HUBSPOT}, names)
    lead = object_spec("lead", settings.objects["lead"])
    for system in settings.systems.values():
        assert set(field_rules(system.objects["lead"].fields, lead)) == set(system.objects["lead"].fields)
