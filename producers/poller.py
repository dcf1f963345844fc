"""Asks systems what has changed and publishes it: for those that send no webhooks, and as the net under those that do."""

import asyncio

import structlog

from sync_system.bootstrap import Core
from sync_system.errors import BrokerUnavailable, ConnectorError, LedgerUnavailable
from sync_system.ledger import cursors
from sync_system.services.publishing import message

log = structlog.get_logger(__name__)


class Poller:
    """Polls one object of one system. A cursor is kept once the broker has confirmed what it stands for."""

    def __init__(self, core: Core, system: str, object: str, every: float) -> None:
        self.core, self.system, self.object, self.every = core, system, object, every

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until told to stop."""
        while not stop.is_set():
            try:
                if count := await self.poll():
                    log.info("changes.polled", system=self.system, object=self.object, changes=count)
            except (ConnectorError, BrokerUnavailable, LedgerUnavailable) as exc:
                log.warning("poll.failed", system=self.system, object=self.object, error=str(exc))
            waiting = asyncio.ensure_future(stop.wait())
            await asyncio.wait([waiting], timeout=self.every)
            waiting.cancel()

    async def poll(self) -> int:
        """Publish everything that changed since the last poll; return how many changes there were."""
        core, count = self.core, 0
        async with core.db.read() as sql:
            cursor = await cursors.read(sql, self.system, self.object)
        async for page in core.connectors[self.system].changes(self.object, cursor):
            await core.publisher.publish([message(self.system, self.object, change) for change in page.changes])
            if page.cursor != cursor:
                async with core.db.write() as sql:
                    await cursors.keep(sql, self.system, self.object, page.cursor, core.clock())
            cursor, count = page.cursor, count + len(page.changes)
        return count


def pollers(core: Core) -> list[Poller]:
    """Return a poller for every object of every system that is to be polled and can be."""
    return [
        Poller(core, name, object, system.common.poll.every)
        for name, system in core.settings.systems.items()
        if system.common.poll is not None
        for object in system.objects
        if core.connectors[name].facts(object).polls
    ]
