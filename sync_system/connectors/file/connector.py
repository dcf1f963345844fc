"""A system that only tells: its rows arrive as events, and there is nobody to write to or to ask."""

from collections.abc import AsyncIterator, Sequence

from sync_system.connectors.protocol import (
    Change,
    Delivered,
    Facts,
    FieldInfo,
    Lookup,
    Outcome,
    Page,
    Row,
    RowPage,
    WebhookRequest,
    Write,
)
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import WebhookRefused

FACTS = Facts(batch=1, lookup_batch=1, writes=False)
NOBODY = Outcome(OutcomeClass.REJECTED, code="no_writes", message="this system only tells; nothing is written to it")


class FileConnector:
    """Answers for a system that cannot be spoken to."""

    def facts(self, object: str) -> Facts:
        """Tell that nothing can be written or read."""
        return FACTS

    async def upsert(self, object: str, writes: Sequence[Write]) -> Delivered:
        """Refuse every write; none is ever planned."""
        return Delivered([NOBODY] * len(writes))

    async def lookup(self, object: str, wanted: Lookup) -> Sequence[Row]:
        """Find nothing."""
        return []

    async def delete(self, object: str, external_ids: Sequence[str]) -> Delivered:
        """Refuse every delete; none is ever planned."""
        return Delivered([NOBODY] * len(external_ids))

    async def changes(self, object: str, cursor: str | None) -> AsyncIterator[Page]:
        """Tell of no changes: they are published, not polled."""
        pages: tuple[Page, ...] = ()
        for page in pages:
            yield page

    def cursor_behind(self, object: str, at: int) -> str | None:
        """Know of no changes."""
        return None

    async def rows(self, object: str, start: str | None = None) -> AsyncIterator[RowPage]:
        """Show no rows."""
        pages: tuple[RowPage, ...] = ()
        for page in pages:
            yield page

    async def describe(self, object: str) -> Sequence[FieldInfo]:
        """Tell of no fields."""
        return []

    def parse_webhook(self, object: str, request: WebhookRequest) -> Sequence[Change]:
        """Refuse: nothing here can be proven to come from anybody."""
        raise WebhookRefused("this system sends no webhooks")

    async def aclose(self) -> None:
        """Close nothing."""
