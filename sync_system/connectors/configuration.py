"""What connectors' own keys in the configuration are made of: strict models, durations, addresses, secrets, auth."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)\Z")
SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Configured(BaseModel):
    """A block of the configuration: unknown keys and wrong types are errors."""

    # Values are left out of errors, because some of them are secrets.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def seconds(raw: Any) -> Any:
    """Return a duration like `50ms`, `30s`, `5m`, `4h` or `7d` in seconds."""
    if not isinstance(raw, str):
        return raw
    found = DURATION.match(raw.strip())
    if not found:
        raise ValueError("a duration is a number with its unit, like 50ms, 30s, 5m, 4h or 7d")
    return float(found[1]) * SECONDS[found[2]]


def address(url: str) -> str:
    """Return an HTTP address without a slash at its end; raise ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address begins with https:// (or http://) and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address holds no user, password, query or fragment; `auth` says who we are")
    return url.rstrip("/")


Duration = Annotated[
    float, BeforeValidator(seconds), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$"})
]
Address = Annotated[str, AfterValidator(address)]
Secrets = SecretStr | list[SecretStr]


def plain(secrets: Secrets) -> list[str]:
    """Return one or several secrets as text."""
    return [secret.get_secret_value() for secret in (secrets if isinstance(secrets, list) else [secrets])]


class BasicAuth(Configured):
    """A user and a password in every request."""

    username: str = Field(description="The user's name.")
    password: SecretStr = Field(description="The user's password.")


class HeaderAuth(Configured):
    """A key in a header of its own."""

    name: str = Field(description="The header's name.", examples=["X-Api-Key"])
    value: SecretStr = Field(description="The key.")


class ClientCredentials(Configured):
    """OAuth 2.0 client credentials: a token is fetched and renewed before it expires."""

    token_url: Address = Field(description="Where tokens are fetched.")
    client_id: str = Field(description="The client's id.")
    client_secret: SecretStr = Field(description="The client's secret.")
    scope: str | None = Field(None, description="The scopes to ask for, separated by blanks.")


class Auth(Configured):
    """How we prove who we are: one of the four ways."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    bearer: SecretStr | None = Field(None, description="A token that goes into the Authorization header.")
    basic: BasicAuth | None = Field(None, description="A user and a password.")
    header: HeaderAuth | None = Field(None, description="A key in a header of its own.")
    oauth2: ClientCredentials | None = Field(None, description="OAuth 2.0 client credentials.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("auth takes exactly one of bearer, basic, header, oauth2")
        return self
