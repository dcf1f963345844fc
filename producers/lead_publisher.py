"""Where a lead's way begins: an application tells sync-system what happened to its leads.

This file needs Python 3.11 and pika, nothing else: copy it into the application, or import it from here.

    with LeadPublisher("amqps://app:…@rabbit.example.com/", "application") as leads:
        leads.created("42", {"email": "ada@example.com", "first_name": "Ada"})
        leads.updated("42", {"stage": "won"})               # only what changed
        leads.publish_many([Change("deleted", "43"), …])    # one wait for all confirms

Every call returns once the broker has confirmed all of it, or raises a `PublishError`. Publishing a change again, with
the event id it already has, is harmless.
"""

import json
import logging
import os
import random
import re
import threading
import time as clock
import uuid
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import pika
import pika.exceptions
from pika.adapters.select_connection import IOLoop

CONTENT_TYPE = "application/cloudevents+json"
VERBS = ("created", "updated", "deleted")
WORD = re.compile(r"[A-Za-z0-9_-]+\Z")  # a dot would be another word of the routing key
IN_FLIGHT = 1_000  # messages without a confirm; more gains nothing
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0  # seconds between two tries
# Wrong credentials, wrong virtual host; no permission, no such exchange: the same at every try.
REFUSALS = (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError)
REFUSAL_CODES = (403, 404)

When = datetime | None

log = logging.getLogger(__name__)


class PublishError(Exception):
    """Raised when changes could not be published; `unconfirmed` holds the ids of the events that were not taken."""

    def __init__(self, message: str, unconfirmed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.unconfirmed = unconfirmed


class BrokerUnreachable(PublishError):
    """Raised when RabbitMQ did not answer or did not confirm, at every one of the tries."""


class PublishRefused(PublishError):
    """Raised when RabbitMQ answered and will not do it: wrong credentials, no permission, no such exchange."""


class Unroutable(PublishError):
    """Raised when no queue takes these events: the source or object is not one that sync-system knows."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one row: `verb` is created, updated or deleted, `id` the row's id in your system.

    `data`: your own field names to values; None clears a field, an absent one is left alone. `whole_row`: `data` is
    all that is known of the row, not only what changed. `time`: when it happened, with a time zone; now if not given.
    """

    verb: str
    id: str | int
    data: Mapping[str, Any] | None = None
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    whole_row: bool = False
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise ValueError(f"verb must be one of {', '.join(VERBS)}, not {self.verb!r}")
        if not str(self.id).strip():
            raise ValueError("id is empty: sync-system finds a row again by its id")
        _moment(self.time)

    def envelope(self, source: str, object: str) -> dict[str, Any]:
        """Return the CloudEvents 1.0 form of the change."""
        event: dict[str, Any] = {"specversion": "1.0", "id": self.event_id, "source": source}
        event |= {"type": f"{object}.{self.verb}", "subject": str(self.id), "time": _moment(self.time)}
        if self.data is not None:
            event["datacontenttype"] = "application/json"
            event["synccontent"] = "row" if self.whole_row or self.verb == "created" else "changes"
            event["data"] = self.data
        return event

    def encode(self, source: str, object: str) -> bytes:
        """Return the body of the message; raise TypeError or ValueError for what JSON cannot hold."""
        event = self.envelope(source, object)
        return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_scalar).encode()


def _moment(time: datetime) -> str:
    """Write a time as RFC 3339 in UTC, in microseconds."""
    if time.tzinfo is None:
        raise ValueError("a time needs a time zone: datetime.now(UTC), not datetime.now()")
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _scalar(value: Any) -> str:
    """Write what databases and frameworks give in a form that JSON has."""
    if isinstance(value, datetime):
        return _moment(value)
    if not isinstance(value, date | Decimal | uuid.UUID):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return str(value)


def _parameters(url: str, source: str, timeout: float) -> pika.ConnectionParameters:
    """Read an AMQP URL; the name is shown beside the connection in RabbitMQ's own pages."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = timeout
    parameters.client_properties = {"connection_name": f"leads of {source}"}
    return parameters


def _pauses(tries: int) -> list[float]:
    """Return the seconds to wait before each try: none, then growing ones with jitter."""
    growing = (min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) for number in range(tries - 1))
    return [0.0, *(pause * random.uniform(0.75, 1.25) for pause in growing)]


class LeadPublisher(AbstractContextManager["LeadPublisher"]):
    """Publishes lead events to sync-system, from any number of threads over one connection.

    `url`: one AMQP URL, or those of a cluster's nodes, tried in turn. `source`: your system's name in the configuration
    of sync-system. `tries`: how often one call is tried, with pauses that grow to 4 s. `timeout`: after how many seconds
    of silence a connection is given up. It connects when it first publishes and whenever it must, after a fork too.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        source: str,
        *,
        object: str = "lead",
        exchange: str = "sync.events",
        tries: int = 8,
        timeout: float = 30.0,
    ) -> None:
        for word in (source, object):
            if not WORD.match(word):
                raise ValueError(f"{word!r} may only have letters, digits, _ and -")
        self._nodes = [_parameters(node, source, timeout) for node in ([url] if isinstance(url, str) else url)]
        self._hosts = "RabbitMQ at " + ", ".join(f"{node.host}:{node.port}" for node in self._nodes)
        self._source, self._object, self._exchange = source, object, exchange
        self._tries, self._timeout = tries, timeout
        self._lock, self._process = threading.Lock(), os.getpid()
        self._link: _Link | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls that still wait for confirms fail."""
        link, self._link = self._link, None
        if link is not None and self._process == os.getpid():
            link.close()

    def created(self, id: str | int, data: Mapping[str, Any], time: When = None) -> str:
        """Publish that a row was created, with all that is known of it; return the event's id."""
        return self.publish_many([Change("created", id, data, time or datetime.now(UTC))])[0]

    def updated(self, id: str | int, data: Mapping[str, Any], time: When = None, *, whole_row: bool = False) -> str:
        """Publish what changed in a row, or with `whole_row` how it stands now; return the event's id."""
        return self.publish_many([Change("updated", id, data, time or datetime.now(UTC), whole_row)])[0]

    def deleted(self, id: str | int, time: When = None) -> str:
        """Publish that a row was deleted; return the event's id."""
        return self.publish_many([Change("deleted", id, None, time or datetime.now(UTC))])[0]

    def publish_many(self, changes: Iterable[Change]) -> list[str]:
        """Publish many changes with one wait for all confirms; return the events' ids.

        If it raises, publish the same changes again: `error.unconfirmed` names those that are open, and it is harmless
        to repeat the others. All of them are held in memory until they are confirmed.
        """
        source, object = self._source, self._object
        batch = _Batch(
            _Message(change.event_id, f"{source}.{object}.{change.verb}", change.encode(source, object))
            for change in changes
        )
        ids = batch.ids()
        if ids:
            self._deliver(batch)
        return list(ids)

    def _deliver(self, batch: "_Batch") -> None:
        """Publish until all is confirmed; what a broken connection left open goes again over a new one."""
        cause: BaseException | None = None
        for attempt, pause in enumerate(_pauses(self._tries)):
            clock.sleep(pause)
            try:
                self._connected(attempt).publish(batch, self._timeout)
            except pika.exceptions.AMQPError as exc:
                if isinstance(exc, REFUSALS) or getattr(exc, "reply_code", None) in REFUSAL_CODES:
                    raise PublishRefused(f"{self._hosts} refuses: {exc!r}", batch.ids()) from exc
                log.warning("RabbitMQ did not take all, try %d of %d: %r", attempt + 1, self._tries, exc)
                cause = exc
            self._raise_returned(batch)
            if not batch.open:
                return
        message = f"{self._hosts} did not take {len(batch.open)} events in {self._tries} tries, the last: {cause!r}"
        raise BrokerUnreachable(message, batch.ids()) from cause

    def _raise_returned(self, batch: "_Batch") -> None:
        """Give up what has no queue: without one nobody would ever see it."""
        if batch.returned:
            keys = ", ".join(sorted({message.routing_key for message in batch.returned}))
            hint = f"is {self._source!r} a system in sync-system's configuration, and has sync-system been started?"
            raise Unroutable(f"exchange {self._exchange!r} has no queue for {keys}: {hint}", batch.ids())

    def _connected(self, attempt: int) -> "_Link":
        """Return the open connection, after opening one if there is none."""
        if self._process != os.getpid():  # the parent's thread and socket stayed with the parent
            self._lock, self._link, self._process = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._link is None or self._link.end:
                self._link = _Link(self._nodes[attempt % len(self._nodes)], self._exchange)
                self._link.open(self._timeout)
            return self._link


class _Message(NamedTuple):
    """One message, encoded."""

    event_id: str
    routing_key: str
    body: bytes


class _Batch:
    """The messages of one call: `open` until confirmed; `done` once nothing more will be heard about them."""

    def __init__(self, messages: Iterable[_Message]) -> None:
        self.open = dict(enumerate(messages))
        self.returned: list[_Message] = []
        self.unanswered = 0
        self.done = threading.Event()

    def answered(self, position: int, *, taken: bool, returned: bool) -> None:
        """Note the broker's answer; a refused message stays open for another try."""
        if returned:
            self.returned.append(self.open[position])
        elif taken:
            del self.open[position]
        self.unanswered -= 1
        if self.unanswered == 0:
            self.done.set()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the events that are open."""
        return tuple(message.event_id for message in self.open.values())


class _Link:
    """One connection with one channel in confirm mode, from opening to end, in a thread that keeps its heartbeats."""

    def __init__(self, parameters: pika.ConnectionParameters, exchange: str) -> None:
        self._exchange = exchange
        self._ready, self._lock = threading.Event(), threading.Lock()
        self.end: pika.exceptions.AMQPError | None = None
        self._batches: set[_Batch] = set()
        self._gone = False
        self._loop = IOLoop()
        self._connection = pika.SelectConnection(parameters, self._opened, self._closed, self._closed, self._loop)
        self._channel: Any = None
        self._queue: deque[tuple[_Batch, int]] = deque()
        self._in_flight: dict[int, tuple[_Batch, int]] = {}
        self._returned: set[str] = set()
        self._sent = self._heard = 0
        self._thread = threading.Thread(target=self._run, name="lead-publisher", daemon=True)

    def open(self, timeout: float) -> None:
        """Connect; raise the AMQP error if that fails."""
        self._thread.start()
        if not self._ready.wait(timeout):
            self.abandon(f"no answer in {timeout:g} s")
        self._raise_end()

    def _raise_end(self) -> None:
        if self.end:
            raise self.end

    def publish(self, batch: _Batch, timeout: float) -> None:
        """Send what is open in the batch and wait for all answers; raise the AMQP error if the connection is lost."""
        batch.unanswered = len(batch.open)
        batch.done.clear()
        with self._lock:
            self._raise_end()
            self._batches.add(batch)
            self._loop.add_callback_threadsafe(partial(self._pump, [(batch, position) for position in batch.open]))
        heard = self._heard
        while not batch.done.wait(timeout):
            if heard == self._heard:
                self.abandon(f"nothing heard for {timeout:g} s")
            heard = self._heard
        with self._lock:
            self._batches.discard(batch)
        if len(batch.open) > len(batch.returned):
            # After a quorum queue lost its leader, a channel may go on refusing until it is reopened.
            self.abandon("the broker refused to store a message")
            self._raise_end()

    def abandon(self, reason: str) -> None:
        """Use this connection no more; a peer that answers nothing is left to the heartbeat."""
        self._finish(pika.exceptions.AMQPConnectionError(reason))
        self.close(wait=0.0)

    def close(self, wait: float = 5.0) -> None:
        """Close the connection and give its thread `wait` seconds to end."""
        with self._lock:
            if not self._gone:
                self._loop.add_callback_threadsafe(self._hang_up)
        self._thread.join(wait)

    # What follows runs in the connection's thread, which alone touches connection, channel, queue and tags.

    def _run(self) -> None:
        try:
            self._loop.start()
        finally:
            self._finish(pika.exceptions.AMQPConnectionError("the connection has ended"))
            with self._lock:
                self._gone = True
                self._loop.close()

    def _opened(self, connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=self._usable)

    def _usable(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._closed)
        channel.add_on_return_callback(self._note_returned)
        channel.confirm_delivery(self._answered, callback=lambda _: self._ready.set())

    def _closed(self, closed: Any, reason: BaseException) -> None:
        """End with the channel, or the connection, whichever is closed first."""
        self._finish(reason)
        self._hang_up()
        if closed is self._connection:
            self._loop.stop()

    def _hang_up(self) -> None:
        if self._connection.is_open:  # one that is still opening ends by its own time-out
            self._connection.close()

    def _finish(self, reason: BaseException) -> None:
        """Note why this connection ended, once, and wake everybody who waits for it."""
        if not isinstance(reason, pika.exceptions.AMQPError):
            reason = pika.exceptions.AMQPConnectionError(repr(reason))
        with self._lock:
            self.end = self.end or reason
            for batch in self._batches:
                batch.done.set()
        self._ready.set()

    def _pump(self, entries: Iterable[tuple[_Batch, int]] = ()) -> None:
        """Take entries into the queue, and send from it while there is room in flight."""
        self._queue.extend(entries)
        while self._queue and len(self._in_flight) < IN_FLIGHT and self.end is None:
            batch, position = self._queue.popleft()
            id, key, body = batch.open[position]
            self._sent += 1
            self._in_flight[self._sent] = batch, position
            properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=id)
            self._channel.basic_publish(self._exchange, key, body, properties, mandatory=True)

    def _note_returned(self, _: Any, __: Any, properties: pika.BasicProperties, ___: bytes) -> None:
        """Remember a message without a queue: the broker returns it first and confirms it next."""
        self._returned.add(str(properties.message_id))

    def _answered(self, frame: Any) -> None:
        """Settle what a confirm (or with `multiple` all up to it) is about."""
        if self.end:
            return
        answer, taken = frame.method, isinstance(frame.method, pika.spec.Basic.Ack)
        last = answer.delivery_tag
        for tag in list(takewhile(lambda tag: tag <= last, self._in_flight)) if answer.multiple else [last]:
            batch, position = self._in_flight.pop(tag)
            self._heard += 1
            id = batch.open[position].event_id
            batch.answered(position, taken=taken, returned=id in self._returned)
            self._returned.discard(id)
        self._pump()
