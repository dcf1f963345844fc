"""The service's process: the named roles, as production runs them."""

import asyncio
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import structlog
import uvloop
from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks.child import obey
from consumers.roles import ROLES, hints_of
from sync_system.bootstrap import Core, build
from sync_system.cli.opening import spare_the_collector
from sync_system.connectors.registry import connector_types
from sync_system.settings import load_text

BEGINS = ("BEGIN", "PRAGMA")


def count_statements(engine: Engine) -> dict[str, Any]:
    """Count what goes to the database from now on."""
    counts: dict[str, Any] = {"statements": 0, "commits": 0, "by_statement": Counter()}

    def execute(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not statement.startswith(BEGINS):
            counts["statements"] += 1
            counts["by_statement"][" ".join(statement[:400].split())[:110] + (" [many]" if many else "")] += 1

    def commit(_c: Any) -> None:
        counts["commits"] += 1

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    return counts


async def run(core: Core, roles: list[str], stop: asyncio.Event) -> None:
    """Run the roles until told to stop."""
    hints = hints_of(core)
    async with asyncio.TaskGroup() as group:
        group.create_task(hints.listen(stop))
        for role in roles:
            for start in ROLES[role](core, hints):
                group.create_task(start(stop))


async def main(roles: list[str], configuration: str, *, profile: bool) -> None:
    """Build the core, then obey."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    core = build(load_text(configuration, connector_types()), connector_types())
    spare_the_collector()
    counts = count_statements(core.db.engine.sync_engine)
    try:
        await obey(lambda stop: run(core, roles, stop), counts, profile=profile)
    finally:
        await core.aclose()


if __name__ == "__main__":
    text = Path(sys.argv[2]).read_text("utf-8")
    uvloop.run(main(sys.argv[1].split(","), text, profile="profile" in sys.argv[3:]))
