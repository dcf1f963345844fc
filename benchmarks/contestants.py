"""Who is measured: the service and the bare batcher, each in one process or in two."""

from dataclasses import dataclass

from benchmarks.ground import Ground
from benchmarks.leads import APPLICATION, CRM, configuration
from benchmarks.processes import Child
from benchmarks.rows import create_table
from migrations import upgrade
from sync_system.messaging.topology import events_queue

IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class Contestant:
    """`unfinished`: gives a value as long as something is under way. `finished`: how many leads have come through."""

    name: str
    unfinished: str
    finished: str
    processes: int
    profile: bool = False

    async def prepare(self, database: str) -> None:
        """Make the tables."""
        await (upgrade(database) if self.name == "service" else create_table(database))

    async def start(self, ground: Ground, database: str, stub: str) -> dict[str, Child]:
        """Start the processes, by name; they wait for the word."""
        profile = ["profile"] if self.profile else []
        if self.name == "batcher":
            in_flight = str(IN_FLIGHT // self.processes)
            url = f"{stub}/{CRM.name}/leads/bulk"
            arguments = [ground.broker, events_queue(APPLICATION.name), database, url, in_flight, *profile]
            names = [f"batcher {number + 1}" for number in range(self.processes)]
            return {name: await Child.start("batcher", arguments, ground.path("batcher.log")) for name in names}
        file = ground.path("sync.yaml")
        file.write_text(configuration(database, ground.broker, stub), "utf-8")
        roles = ["intake,delivery"] if self.processes == 1 else ["intake", "delivery"]
        return {
            role: await Child.start("service", [role, str(file), *profile], ground.path("service.log"))
            for role in roles
        }


def service(processes: int, *, profile: bool = False) -> Contestant:
    """Return the whole pipeline."""
    return Contestant(
        "service",
        "SELECT 1 FROM transactions WHERE state IN ('pending', 'failed', 'parked')"
        " UNION ALL SELECT 1 FROM transactions WHERE state = 'processing' LIMIT 1",
        "SELECT count(*) FROM transactions WHERE state = 'succeeded'",
        processes,
        profile,
    )


def batcher(processes: int, *, profile: bool = False) -> Contestant:
    """Return the bare batcher."""
    return Contestant(
        "batcher",
        "SELECT 1 FROM leads WHERE state = 'new' LIMIT 1",
        "SELECT count(*) FROM leads WHERE state = 'sent'",
        processes,
        profile,
    )
