"""HubSpot's own keys in the configuration."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from sync_system.connectors.configuration import Address, Configured, Duration, Secrets


class RefreshToken(Configured):
    """OAuth with a refresh token, as an app that was installed into the account has it."""

    client_id: str = Field(description="The app's client id.")
    client_secret: SecretStr = Field(description="The app's client secret.")
    refresh_token: SecretStr = Field(description="The refresh token of this account.")


class HubSpotWebhook(Configured):
    """How webhooks are signed."""

    secret: Secrets = Field(description="The app's client secret, or several while one replaces another.")
    tolerance: Duration = Field(300.0, description="How old, and how far ahead, a webhook may be.")


class HubSpotSettings(Configured):
    """A HubSpot account."""

    token: SecretStr | None = Field(None, description="The token of a private app or a service key.")
    oauth: RefreshToken | None = Field(None, description="OAuth, instead of a token.")
    api_version: str = Field(
        "2026-03", pattern=r"^(v3|20\d\d-(03|09))$", description="The version of the API: `v3`, or a date like 2026-03."
    )
    base_url: Address = Field("https://api.hubapi.com", description="The API's address.")
    app_id: int | None = Field(
        None, description="Our app's id: webhooks about what this app itself wrote are then passed over."
    )
    webhook: HubSpotWebhook | None = Field(None, description="How webhooks are signed.")
    overlap: Duration = Field(
        60.0, description="How far back every search for changes begins; the search index lags by seconds."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.oauth is None):
            raise ValueError("a HubSpot account takes either `token` or `oauth`")
        return self


class HubSpotObject(Configured):
    """An object of the account."""

    object_type: str = Field(
        "contacts", pattern=r"^[A-Za-z0-9_-]+$", description="The object's name in the API's paths: contacts, leads, …"
    )
    object_type_id: str | None = Field(
        None, pattern=r"^\d+-\d+$", description="The type's id as webhooks name it; known for the standard objects."
    )
    key_property: str = Field("sync_external_id", description="The property with unique values that carries our key.")
