"""The publisher of the outbox: a thread that tells sync-system, in order, what was committed, whenever a broker is there."""

import logging
import threading
from pathlib import Path

from producers.lead_publisher import Change, LeadPublisher, PublishError
from sync_system.sandbox.application.settings import ApplicationSettings
from sync_system.sandbox.application.store import Note, Store, moment_of

AT_ONCE = 500
LOOK_AGAIN = 0.5  # seconds

log = logging.getLogger(__name__)


class Outbox:
    """Publishes until it is closed; an entry leaves the outbox only when the broker has confirmed its event."""

    def __init__(self, database: Path, broker: str, source: str, settings: ApplicationSettings) -> None:
        self._database, self._broker, self._source, self._settings = database, broker, source, settings
        self._work = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to publish what waits."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new."""
        self._work.set()

    def close(self) -> None:
        """End after the call that is under way."""
        self._closing.set()
        self._work.set()
        self._thread.join(5)

    def _run(self) -> None:
        store = Store(self._database)
        with LeadPublisher(self._broker, self._source, tries=1) as publisher:
            while not self._closing.is_set():
                self._work.clear()
                if not (self._settings.publishing and self._publish(store, publisher)):
                    self._work.wait(LOOK_AGAIN)
        store.close()

    def _publish(self, store: Store, publisher: LeadPublisher) -> bool:
        notes = store.noted(AT_ONCE)
        if not notes:
            return False
        try:
            publisher.publish_many([_change(note) for note in notes])
        except PublishError as error:
            log.warning("outbox.waits: %s", error)
            self._closing.wait(LOOK_AGAIN)
            return False
        store.told(notes[-1].number)
        return True


def _change(note: Note) -> Change:
    return Change(note.verb, note.lead, note.data, moment_of(note.at), event_id=note.event_id)
