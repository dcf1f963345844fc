"""Keeps the alerts, in one process at a time, and tells of them; the others stand by."""

import asyncio

import structlog

from consumers.pace import Pace
from sync_system.errors import LedgerUnavailable, NotTold
from sync_system.services.alerting import Alerting
from sync_system.services.clock import new_id
from sync_system.services.telling import Telling

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
FOLD_SECONDS = 600.0


class AlertRole:
    """The alerts of the installation, as long as this process has the lead. `look_every` in seconds."""

    def __init__(self, alerting: Alerting, telling: Telling, *, look_every: float = LOOK_SECONDS) -> None:
        self.alerting, self.telling, self.look_every = alerting, telling, look_every
        self.owner = new_id(alerting.clock())
        self.leads = False
        self._folded_at = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until told to stop; a channel that does not answer holds up nothing but itself."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(stop))
            for name in self.telling.channels:
                group.create_task(self._tell(name, stop))

    async def _watch(self, stop: asyncio.Event) -> None:
        pace = Pace(stop, self.look_every)
        while not stop.is_set():
            try:
                await self._round()
            except LedgerUnavailable as exc:
                self.leads = False
                log.warning("ledger.unavailable", role="alerts", error=str(exc))
                await pace.back_off()
                continue
            await pace.next(busy=False)
        await self._leave()

    async def _round(self) -> None:
        self.leads = await self.alerting.lead(self.owner)
        if not self.leads:
            return
        looked = await self.alerting.look()
        for key in looked.begun:
            log.warning("alert.raised", alert=key)
        for key in looked.over:
            log.info("alert.over", alert=key)
        now = self.alerting.clock()
        if now - self._folded_at >= FOLD_SECONDS * 1_000_000:
            await self.alerting.fold()
            self._folded_at = now

    async def _leave(self) -> None:
        if self.leads:
            self.leads = False
            try:
                await self.alerting.leave(self.owner)
            except LedgerUnavailable as exc:  # its lease runs out by itself
                log.debug("lead.not_left", error=str(exc))

    async def _tell(self, name: str, stop: asyncio.Event) -> None:
        pace = Pace(stop, self.look_every / 2)
        while not stop.is_set():
            try:
                sent = await self.telling.tell(name) if self.leads else 0
            except (NotTold, LedgerUnavailable) as exc:
                log.warning("alert.not_told", channel=name, error=str(exc))
                await pace.back_off()
                continue
            if sent:
                log.info("alert.told", channel=name, messages=sent)
            await pace.next(busy=False)
