"""A system that is described, not programmed: where it is, how we prove who we are, how it signs its webhooks."""

from base64 import b64decode
from typing import Literal, Self

from pydantic import Field, model_validator

from sync_system.connectors.configuration import Address, Auth, Configured, Duration, Secrets, plain
from sync_system.connectors.times import TimeFormat


class Timestamp(Configured):
    """Where a webhook says when it was sent."""

    header: str = Field("webhook-timestamp", description="The header that holds the time.")
    prefix: str = Field("", description="What stands before the time where the header has several parts: `t=`.")
    unit: Literal["s", "ms"] = Field("s", description="Seconds or milliseconds since 1970.")
    tolerance: Duration = Field(300.0, description="How old, and how far ahead, a webhook may be.")


class Events(Configured):
    """Where a webhook's body says what happened. Paths are names with dots between; empty means the whole."""

    items: str = Field("", description="Where the events stand: one, or a list.")
    id: str | None = Field(None, description="The event's id; without one, the id header and the position are taken.")
    type: str = Field("type", description="What happened.")
    at: str | None = Field("timestamp", description="When the row changed.")
    at_format: TimeFormat = Field("iso", description="How that time is written.")
    row: str | None = Field("data", description="The row, with its id; null if events carry no values.")
    row_id: str | None = Field(None, description="The row's id, where it does not stand in the row.")
    exact: bool = Field(default=False, description="Whether an event names only what changed.")
    types: dict[str, Literal["created", "updated", "deleted"]] = Field(
        default_factory=dict,
        description="What each type means; without this table `lead.created`, `lead.updated`, `lead.deleted` are read.",
    )


class Webhook(Configured):
    """How webhooks are signed and read; the defaults are those of Standard Webhooks."""

    secret: Secrets = Field(description="The signing secret, or several while one replaces another.")
    secret_encoding: Literal["text", "base64", "hex"] = Field(
        "base64", description="How the secret is written; `whsec_` before it is left out."
    )
    header: str = Field("webhook-signature", description="The header that holds the signature.")
    separator: str | None = Field(" ", description="What stands between several signatures in the header.")
    prefix: str = Field("v1,", description="What stands before a signature; parts without it are passed over.")
    algorithm: Literal["sha256", "sha512", "sha1"] = Field("sha256", description="The hash of the HMAC.")
    encoding: Literal["base64", "hex"] = Field("base64", description="How the signature is written.")
    template: str = Field(
        "{id}.{timestamp}.{body}", description="What is signed, made of {id}, {timestamp}, {method}, {url}, {body}."
    )
    id_header: str | None = Field(
        "webhook-id", description="The header with the webhook's id, equal when it is resent."
    )
    timestamp: Timestamp | None = Field(Timestamp(), description="The time of sending; null if there is none.")
    events: Events = Field(Events(), description="Where the body says what happened.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for secret in plain(self.secret):
            signing_key(secret, self.secret_encoding)
        return self


def signing_key(secret: str, encoding: str) -> bytes:
    """Return the bytes that a secret stands for; raise ValueError, without the secret, if it is written otherwise."""
    if encoding == "text":
        return secret.encode()
    try:
        return bytes.fromhex(secret) if encoding == "hex" else b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError(f"the secret is not written in {encoding}; `secret_encoding` says how it is") from None


class RestSettings(Configured):
    """A system with a REST API."""

    base_url: Address = Field(description="The address that all paths are appended to.")
    auth: Auth | None = Field(None, description="How we prove who we are.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers that every request carries.")
    concurrency: int = Field(8, ge=1, le=64, description="How many single calls may run at once.")
    webhook: Webhook | None = Field(None, description="How its webhooks are signed and read.")
