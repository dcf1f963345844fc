"""Asks a destination for something harmless, to learn whether it is there before anything is written to it."""

from sync_system.connectors.protocol import Connector, Lookup
from sync_system.domain.breaker import Heard
from sync_system.domain.catalog import Catalog
from sync_system.errors import SystemRefused, SystemUnavailable
from sync_system.services.health import Health, heard_failing, unanswered

# No row has it: every answer will do.
NOBODY = "0"


class Probing:
    """Asks destinations whether they are there."""

    def __init__(self, health: Health, catalog: Catalog) -> None:
        self.health, self.catalog = health, catalog

    async def answers(self, connector: Connector, system: str) -> bool:
        """Whether a destination that is down answers a read again; true as well if it cannot be asked."""
        failed = await self._ask(connector, system)
        if failed is not None:
            await self.health.probed(system, heard_failing(failed))
        return failed is None

    async def ask_whether_down(self, connector: Connector, system: str, heard: Heard) -> Heard:
        """Tell a failure that says nothing from a destination that is down: a read fails as well then."""
        failed = await self._ask(connector, system)
        return heard if failed is None else unanswered(heard, failed)

    async def _ask(self, connector: Connector, system: str) -> SystemUnavailable | None:
        asked = self._readable(system)
        if asked is None:
            return None
        object, lookup = asked
        try:
            await connector.lookup(object, lookup)
        except SystemRefused:
            return None
        except SystemUnavailable as exc:
            return exc
        return None

    def _readable(self, system: str) -> tuple[str, Lookup] | None:
        """Return what to ask for, None where nothing can be looked up."""
        for object, routes in self.catalog.routes.items():
            route = routes.get(system)
            if route is not None and "keys" in route.lookups:
                return object, Lookup(keys=[NOBODY])
            if route is not None and "ids" in route.lookups:
                return object, Lookup(ids=[NOBODY])
        return None
