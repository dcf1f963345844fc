"""Two kinds of systems with keys of their own, and a short way to load a configuration."""

import textwrap
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from sync_system.connectors.registry import ConnectorType
from sync_system.errors import ConfigurationError
from sync_system.settings import load_text


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Webhook(Strict):
    secret: SecretStr
    tolerance: int = 300


class PaperSettings(Strict):
    base_url: str
    auth: dict[str, SecretStr] = {}
    style: Literal["block", "cursive"] = "block"


class Route(Strict):
    method: Literal["PUT", "POST"] = "PUT"
    path: str


class PaperObject(Strict):
    upsert: Route | None = None


class DrumSettings(Strict):
    token: SecretStr
    webhook: Webhook | None = None


class DrumObject(Strict):
    pass


def build(context):
    raise AssertionError(f"nothing is built here: {context}")


KINDS = {
    "paper": ConnectorType("paper", PaperSettings, PaperObject, build),
    "drum": ConnectorType("drum", DrumSettings, DrumObject, build),
}


@pytest.fixture
def kinds():
    return KINDS


@pytest.fixture
def loaded(tmp_path):
    def load(text, **environ):
        return load_text(textwrap.dedent(text), KINDS, environ, folder=tmp_path)

    return load


@pytest.fixture
def problems(loaded):
    def load(text, **environ):
        with pytest.raises(ConfigurationError) as caught:
            loaded(text, **environ)
        return list(caught.value.problems)

    return load
