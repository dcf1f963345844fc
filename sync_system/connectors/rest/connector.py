"""A system that is described in the configuration, ready to be spoken to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from sync_system.connectors.http import Http, configured_auth, fetch_token, open_client
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
from sync_system.connectors.rest.reading import Reader
from sync_system.connectors.rest.rows import ObjectShape, explained
from sync_system.connectors.rest.settings import RestSettings
from sync_system.connectors.rest.shapes import RestObject, named
from sync_system.connectors.rest.webhooks import WebhookReader
from sync_system.connectors.rest.writing import Writer
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import ConfigurationError, WebhookRefused

# How many rows a claim takes where each goes out in a call of its own.
SINGLE_BATCH = 50


class RestConnector:
    """One described system. Every object has its own shape, and one pool of connections serves them all."""

    def __init__(self, objects: Mapping[str, ObjectShape], https: Mapping[str, Http], settings: RestSettings) -> None:
        turns = asyncio.Semaphore(settings.concurrency)
        self._objects, self._https, self._webhook = objects, https, settings.webhook
        self._writers = {name: Writer(https[name], shape, turns) for name, shape in objects.items()}
        self._readers = {name: Reader(https[name], shape, turns) for name, shape in objects.items()}

    def facts(self, object: str) -> Facts:
        """Tell what is fixed for this object."""
        return facts_of(self._objects[object].shape)

    async def upsert(self, object: str, writes: Sequence[Write]) -> Delivered:
        """Write a batch of at most `facts.batch` rows."""
        return await self._writers[object].upsert(writes)

    async def lookup(self, object: str, wanted: Lookup) -> Sequence[Row]:
        """Read the rows that are there."""
        return await self._readers[object].lookup(wanted)

    async def delete(self, object: str, external_ids: Sequence[str]) -> Delivered:
        """Delete rows; one that is already gone is ok."""
        return await self._writers[object].delete(external_ids)

    def changes(self, object: str, cursor: str | None) -> AsyncIterator[Page]:
        """Read what changed since the cursor."""
        return self._readers[object].changes(cursor)

    def cursor_behind(self, object: str, at: int) -> str | None:
        """Return a cursor that leaves out what is older."""
        return self._readers[object].cursor_behind(at)

    def rows(self, object: str, start: str | None = None) -> AsyncIterator[RowPage]:
        """Read every row, a page at a time."""
        return self._readers[object].rows(start)

    async def describe(self, object: str) -> Sequence[FieldInfo]:
        """Read which fields the system has."""
        return await self._readers[object].describe()

    def parse_webhook(self, object: str, request: WebhookRequest) -> Sequence[Change]:
        """Check where a webhook comes from and read it."""
        if self._webhook is None:
            raise WebhookRefused("the configuration of this system has no `webhook`")
        return WebhookReader(self._webhook, self._objects[object]).changes(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for http in self._https.values():
            await http.aclose()


def facts_of(shape: RestObject) -> Facts:
    """Tell what follows from an object's shape."""
    lookup = shape.lookup
    asked = {"ids": lookup.ids, "keys": lookup.keys, "matches": lookup.match} if lookup else {"ids": "ids"}
    return Facts(
        batch=shape.bulk.max_size if shape.bulk else SINGLE_BATCH,
        lookup_batch=lookup.max_size if lookup else SINGLE_BATCH,
        key_field=shape.key_field,
        unique=frozenset(shape.unique),
        tells_stored=(shape.bulk.row if shape.bulk else shape.upsert.row) is not None,
        stamps=shape.row.updated_at is not None,
        conditional=shape.row.etag is not None and (shape.bulk is None or shape.bulk.etag is not None),
        lookups=frozenset(name for name, asks in asked.items() if asks is not None),
        deletes=shape.delete is not None,
        lists=shape.list is not None,
        polls=bool(shape.list and shape.list.updated_since and shape.row.updated_at),
    )


def build(context: SystemContext) -> RestConnector:
    """Make the connector of one configured system; nothing is connected yet."""
    settings = context.settings
    if not isinstance(settings, RestSettings):
        raise ConfigurationError(f"{context.name}: these are not the settings of a REST system")
    client = open_client(context.timeout, allow_private=context.allow_private)
    auth = configured_auth(settings.auth, partial(fetch_token, client))
    objects, https = {}, {}
    for name, object in context.objects.items():
        if not isinstance(object.settings, RestObject):
            raise ConfigurationError(f"{context.name}.{name}: these are not the settings of a REST object")
        shape = named(object.settings, name)
        codes = {code: OutcomeClass(kind) for code, kind in shape.errors.codes.items()}
        objects[name] = ObjectShape(name, shape, object.fields, codes)
        https[name] = Http(
            client,
            settings.base_url,
            auth,
            partial(explained, errors=shape.errors),
            timeout=context.timeout,
            headers=settings.headers,
            codes=codes,
            gate=context.gate,
        )
    return RestConnector(objects, https, settings)
