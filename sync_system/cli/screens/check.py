"""Everything that the configuration names, tried one after the other."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from rich.text import Text

from sync_system.bootstrap import Core
from sync_system.cli.addresses import broker_address, database_address
from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.cli.screens.mapping import mapping_problems, unmapped_required
from sync_system.cli.waiting import ask_ledger, schemas
from sync_system.connectors.protocol import FieldInfo, Lookup
from sync_system.domain.schedule import upcoming
from sync_system.errors import BrokerUnavailable, ConnectorError, LedgerUnavailable, SystemRefused
from sync_system.messaging.broker import connect
from sync_system.settings import Settings

REPLAYS_SHOWN = 3
NOBODY = "0"  # the id of a row that is not there


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out."""

    level: Level
    about: str
    sentence: str


async def check_all(settings: Settings, *, offline: bool) -> list[Finding]:
    """Check everything; what fails does not stop the rest."""
    systems = ", ".join(settings.systems)
    found = [Finding(Level.OK, "configuration", f"the file is valid: systems {systems}; objects {_objects(settings)}")]
    async with opened(settings) as core:
        if not offline:
            found += [await _broker(core), await _ledger(core)]
            for system in settings.systems:
                found += [finding async for finding in _system(core, system)]
        found += [_replays(core, system) for system in settings.systems]
    return found


def print_findings(found: Sequence[Finding]) -> bool:
    """Print all findings; return whether there is no problem among them."""
    out, styles = showing.console(), {Level.OK: "green", Level.NOTE: "yellow", Level.PROBLEM: "bold red"}
    for finding in found:
        out.print(
            Text.assemble((f"{finding.level:>7}  ", styles[finding.level]), f"{finding.about}: {finding.sentence}")
        )
    problems = sum(finding.level is Level.PROBLEM for finding in found)
    out.print(f"{problems} problem{'s' if problems > 1 else ''}" if problems else "no problems")
    return not problems


def _objects(settings: Settings) -> str:
    synced = {name for system in settings.systems.values() for name in system.objects}
    return ", ".join(name for name in settings.objects if name in synced)


async def _broker(core: Core) -> Finding:
    about = f"RabbitMQ at {broker_address(core.broker_url)}"
    try:
        await (await connect(core.broker_url, core.topology)).close()
    except BrokerUnavailable as exc:
        return Finding(Level.PROBLEM, about, str(exc))
    return Finding(Level.OK, about, f"answers, {len(core.topology.queues)} queues stand")


async def _ledger(core: Core) -> Finding:
    about = f"database {database_address(core.db)}"
    try:
        await ask_ledger(core)
        found, needed = await schemas(core)
    except LedgerUnavailable as exc:
        return Finding(Level.PROBLEM, about, str(exc))
    if found != needed:
        behind = f"answers; its schema is {found or 'none'}, `run` and `migrate` bring it to {needed}"
        return Finding(Level.NOTE, about, behind)
    return Finding(Level.OK, about, f"answers, at schema {found}")


async def _system(core: Core, system: str) -> AsyncIterator[Finding]:
    for object in core.settings.systems[system].objects:
        about = f"{system}.{object}"
        try:
            described = await _described(core, system, object)
        except ConnectorError as exc:
            yield Finding(Level.PROBLEM, about, str(exc))
            continue
        rules = core.catalog.rules[object][system]
        problems = mapping_problems(rules, described)
        for problem in problems:
            yield Finding(Level.PROBLEM, about, problem)
        if required := unmapped_required(rules, described):
            yield Finding(Level.NOTE, about, f"every row must fill what nothing is mapped to: {', '.join(required)}")
        if not problems:
            yield _answers(about, len(rules.fields), described)


def _answers(about: str, mapped: int, described: Sequence[FieldInfo]) -> Finding:
    if not described:
        return Finding(Level.NOTE, about, "answers, but does not tell its fields: the mapping cannot be checked")
    return Finding(Level.OK, about, f"answers; all of the {mapped} mapped fields are right")


async def _described(core: Core, system: str, object: str) -> Sequence[FieldInfo]:
    """Return a system's fields; one that cannot tell them is asked for a row, to see that it answers."""
    connector = core.connectors[system]
    try:
        described = await connector.describe(object)
    except SystemRefused as exc:
        if exc.status not in {404, 405}:
            raise
        described = ()
    if not described and "ids" in connector.facts(object).lookups:
        await connector.lookup(object, Lookup(ids=[NOBODY]))
    return described


def _replays(core: Core, system: str) -> Finding:
    replay = core.settings.systems[system].common.replay
    zone = ZoneInfo(replay.timezone)
    moments = upcoming(core.schedule(system), core.clock(), REPLAYS_SHOWN)
    times = [
        datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(zone).strftime("%d %b %H:%M:%S %Z") for at in moments
    ]
    sentence = f"failures are replayed {', '.join(times)}, … at most {replay.max_attempts} attempts"
    return Finding(Level.OK, system, sentence)
