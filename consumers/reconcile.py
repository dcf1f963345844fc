"""Holds a system's rows against the ledger, a page at a time, as long as the service runs."""

import asyncio

import structlog

from consumers.hints import Hints
from consumers.pace import Pace
from sync_system.errors import LedgerUnavailable
from sync_system.services.reconciling import Reconciling, Slice

log = structlog.get_logger(__name__)


class ReconcileRole:
    """The reconciling of one system; of several processes, one reads at a time."""

    def __init__(self, system: str, reconciling: Reconciling, hints: Hints) -> None:
        self.system, self.reconciling, self.hints = system, reconciling, hints

    async def run(self, stop: asyncio.Event) -> None:
        """Read page after page until told to stop; the page under way is brought to its end."""
        pace = Pace(stop, 0.0)
        while not stop.is_set():
            try:
                done = await self.reconciling.slice(self.system)
            except LedgerUnavailable as exc:
                log.warning("ledger.unavailable", role="reconcile", error=str(exc))
                await pace.back_off()
                continue
            self._tell(done)
            await self.hints.send("records", done.destinations)
            pace.idle = done.wait / 1_000_000
            await pace.next(busy=done.wait <= 0)

    def _tell(self, done: Slice) -> None:
        one = done.round
        if one is None:
            return
        about = {"system": one.system, "object": one.object, "scope": str(one.scope)}
        if done.trouble:
            log.warning("reconcile.delayed", **about, error=done.trouble)
        if done.judged.repaired:
            log.info("reconcile.found", **about, **{str(kind): n for kind, n in done.judged.repaired.items()})
        if done.ended:
            log.info("reconcile.ended", **about, rows=one.progress.rows, found=one.progress.found)
