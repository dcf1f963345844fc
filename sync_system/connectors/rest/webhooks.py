"""A webhook of a described system: its signature checked over the raw bytes, then its events read."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from sync_system.connectors.configuration import plain
from sync_system.connectors.protocol import Change, WebhookRequest
from sync_system.connectors.rest.paths import found, text_at
from sync_system.connectors.rest.rows import ObjectShape
from sync_system.connectors.rest.settings import Events, Timestamp, Webhook, signing_key
from sync_system.connectors.signatures import require_fresh, require_signature
from sync_system.connectors.times import read_time
from sync_system.errors import WebhookRefused

VERBS = frozenset({"created", "updated", "deleted"})


class WebhookReader:
    """Reads the webhooks of one object."""

    def __init__(self, settings: Webhook, object: ObjectShape) -> None:
        self._settings, self._object = settings, object
        self._secrets = [signing_key(secret, settings.secret_encoding) for secret in plain(settings.secret)]

    def changes(self, request: WebhookRequest) -> Sequence[Change]:
        """Return what a webhook tells of this object; raise WebhookRefused."""
        self._authenticate(request)
        try:
            document = orjson.loads(request.body)
        except orjson.JSONDecodeError as exc:
            raise WebhookRefused("the body is no JSON") from exc
        events = found(document, self._settings.events.items)
        listed = events if isinstance(events, list) else [events]
        sent_id = request.headers.get(self._settings.id_header or "", "")
        changes = [self._change(event, f"{sent_id}:{position}") for position, event in enumerate(listed)]
        return [change for change in changes if change]

    def _authenticate(self, request: WebhookRequest) -> None:
        settings = self._settings
        timestamp = ""
        if settings.timestamp:
            timestamp = self._timestamp(settings.timestamp, request.headers)
            require_fresh(read_time(timestamp, settings.timestamp.unit) or 0, request.at, settings.timestamp.tolerance)
        sent_id = request.headers.get(settings.id_header or "", "")
        parts = {"id": sent_id, "timestamp": timestamp, "method": request.method, "url": request.url}
        require_signature(
            self._secrets,
            _message(settings.template, parts, request.body),
            _claims(settings, request.headers.get(settings.header.lower(), "")),
            encode=lambda digest: base64.b64encode(digest).decode() if settings.encoding == "base64" else digest.hex(),
            algorithm=settings.algorithm,
        )

    def _timestamp(self, timestamp: Timestamp, headers: Mapping[str, str]) -> str:
        raw = headers.get(timestamp.header.lower(), "")
        parts = raw.split(self._settings.separator) if timestamp.prefix and self._settings.separator else [raw]
        text = next((part.strip() for part in parts if part.strip().startswith(timestamp.prefix)), "")
        text = text.removeprefix(timestamp.prefix)
        if not (text.isascii() and text.isdigit()):
            raise WebhookRefused("the timestamp is missing or no number")
        return text

    def _change(self, event: Any, fallback_id: str) -> Change | None:
        how = self._settings.events
        verb = self._verb(how, text_at(event, how.type) or "")
        if verb is None:
            return None
        row = found(event, how.row)
        external_id = text_at(event, how.row_id) if how.row_id else self._object.id(row)
        event_id = text_at(event, how.id) if how.id else fallback_id
        if external_id is None or not event_id:
            raise WebhookRefused("an event has no id, or names no row")
        return Change(event_id, verb, external_id, self._at(how, event, row), self._values(row), exact=how.exact)

    def _verb(self, how: Events, type: str) -> str | None:
        if how.types:
            return how.types.get(type)
        object, _, verb = type.rpartition(".")
        return verb if verb in VERBS and object in {self._object.name, ""} else None

    def _at(self, how: Events, event: Any, row: Any) -> int | None:
        at = self._object.at(row)
        return at if at is not None else read_time(found(event, how.at), how.at_format)

    def _values(self, row: Any) -> Mapping[str, Any] | None:
        if not isinstance(row, dict):
            return None
        object, key = self._object, self._object.key(row)
        values = object.values(row)
        if object.shape.key_field and key is not None:
            values[object.shape.key_field] = key
        # A row of which only the id is told says nothing about its values.
        return values or None


def _message(template: str, parts: Mapping[str, str], body: bytes) -> bytes:
    """Fill the template; the body goes in as raw bytes."""
    before, _, after = template.partition("{body}")
    for name, value in parts.items():
        before, after = before.replace(f"{{{name}}}", value), after.replace(f"{{{name}}}", value)
    return before.encode() + (body if "{body}" in template else b"") + after.encode()


def _claims(settings: Webhook, header: str) -> Iterable[str]:
    parts = header.split(settings.separator) if settings.separator else [header]
    found_parts = [part.strip() for part in parts if part.strip().startswith(settings.prefix)]
    claims = [part.removeprefix(settings.prefix) for part in found_parts]
    return [claim.lower() for claim in claims] if settings.encoding == "hex" else claims
