"""A HubSpot account, ready to be spoken to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

import httpx

from sync_system.connectors.http import Auth, Http, OAuth, bearer, fetch_token, open_client
from sync_system.connectors.hubspot.changes import Poller
from sync_system.connectors.hubspot.objects import ObjectType
from sync_system.connectors.hubspot.problems import CODES, explained, told
from sync_system.connectors.hubspot.reading import Reader
from sync_system.connectors.hubspot.settings import HubSpotObject, HubSpotSettings
from sync_system.connectors.hubspot.webhooks import authenticate, changes_of, read_events
from sync_system.connectors.hubspot.writing import BATCH, Writer
from sync_system.connectors.protocol import (
    Change,
    Delivered,
    Facts,
    FieldInfo,
    Lookup,
    Page,
    Row,
    RowPage,
    WebhookRequest,
    Write,
)
from sync_system.connectors.registry import SystemContext
from sync_system.errors import ConfigurationError, WebhookRefused


class HubSpotConnector:
    """One HubSpot account."""

    def __init__(self, http: Http, objects: Mapping[str, ObjectType], settings: HubSpotSettings) -> None:
        self._http, self._objects, self._settings = http, objects, settings
        self._writers = {name: Writer(http, object) for name, object in objects.items()}
        self._readers = {name: Reader(http, object) for name, object in objects.items()}
        self._pollers = {name: Poller(http, object, settings.overlap) for name, object in objects.items()}

    def facts(self, object: str) -> Facts:
        """Tell what is fixed for this object."""
        kind = self._objects[object]
        return Facts(
            batch=BATCH,
            lookup_batch=BATCH,
            key_field=kind.key,
            unique=frozenset({"email"} if kind.settings.object_type == "contacts" else ()),
            tells_stored=True,
            stamps=True,
            lookups=frozenset({"ids", "keys", "matches"}),
            deletes=True,
            polls=True,
            lists=True,
        )

    async def upsert(self, object: str, writes: Sequence[Write]) -> Delivered:
        """Write a batch of at most 100 records."""
        return await self._writers[object].upsert(writes)

    async def lookup(self, object: str, wanted: Lookup) -> Sequence[Row]:
        """Read the records that are there."""
        return await self._readers[object].lookup(wanted)

    async def delete(self, object: str, external_ids: Sequence[str]) -> Delivered:
        """Archive records; one that is already archived is ok."""
        return await self._writers[object].delete(external_ids)

    def changes(self, object: str, cursor: str | None) -> AsyncIterator[Page]:
        """Read what changed since the cursor; archived records are not among it, webhooks alone tell of them."""
        return self._pollers[object].changes(cursor)

    def cursor_behind(self, object: str, at: int) -> str | None:
        """Return a cursor that leaves out what is older."""
        return self._pollers[object].cursor_behind(at)

    def rows(self, object: str, start: str | None = None) -> AsyncIterator[RowPage]:
        """Read every record, a page at a time."""
        return self._readers[object].rows(start)

    async def describe(self, object: str) -> Sequence[FieldInfo]:
        """Read which properties the object has."""
        return await self._readers[object].describe()

    def parse_webhook(self, object: str, request: WebhookRequest) -> Sequence[Change]:
        """Check where a webhook comes from and read it; its changes carry no values."""
        if self._settings.webhook is None:
            raise WebhookRefused("the configuration of this system has no `webhook`")
        authenticate(self._settings.webhook, request)
        return changes_of(read_events(request.body), self._objects[object], self._settings.app_id)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def proof(settings: HubSpotSettings, client: httpx.AsyncClient) -> Auth:
    """Return how the account is told who we are."""
    if settings.token:
        return bearer(settings.token.get_secret_value())
    if settings.oauth is None:
        raise ConfigurationError("a HubSpot account takes either `token` or `oauth`")
    path = "/oauth/v1/token" if settings.api_version == "v3" else f"/oauth/{settings.api_version}/token"
    form = {
        "grant_type": "refresh_token",
        "client_id": settings.oauth.client_id,
        "client_secret": settings.oauth.client_secret.get_secret_value(),
        "refresh_token": settings.oauth.refresh_token.get_secret_value(),
    }
    return OAuth(partial(fetch_token, client), settings.base_url + path, form)


def build(context: SystemContext) -> HubSpotConnector:
    """Make the connector of one configured account; nothing is connected yet."""
    settings = context.settings
    if not isinstance(settings, HubSpotSettings):
        raise ConfigurationError(f"{context.name}: these are not the settings of a HubSpot account")
    objects = {}
    for name, object in context.objects.items():
        if not isinstance(object.settings, HubSpotObject):
            raise ConfigurationError(f"{context.name}.{name}: these are not the settings of a HubSpot object")
        objects[name] = ObjectType(object.settings, settings.api_version, object.fields)
    client = open_client(context.timeout, allow_private=context.allow_private)
    http = Http(
        client, settings.base_url, proof(settings, client), explained,
        timeout=context.timeout, codes=CODES, gate=context.gate, told=told,
    )  # fmt: skip
    return HubSpotConnector(http, objects, settings)
