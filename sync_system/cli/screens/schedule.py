"""Replay schedules: the next ticks, and two schedules side by side."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sync_system.cli.opening import opened
from sync_system.cli.screens import showing
from sync_system.domain.hindsight import Hindsight
from sync_system.domain.schedule import Schedule, parse, upcoming
from sync_system.domain.transactions import ReplayPolicy
from sync_system.services.clock import now
from sync_system.services.rehearsing import Rehearsal, rehearse
from sync_system.settings import Settings


def print_preview(settings: Settings, system: str, n: int, *, json: bool) -> None:
    """Print the next ticks of a system's schedule."""
    replay, at = settings.systems[system].common.replay, now()
    moments, zone = upcoming(parse(replay.schedule, replay.timezone), at, n), ZoneInfo(replay.timezone)
    if json:
        ticks = [showing.moment(moment) for moment in moments]
        document = {"system": system, "schedule": replay.schedule, "timezone": replay.timezone, "next": ticks}
        showing.print_json(document | {"max_attempts": replay.max_attempts})
        return
    rows = [(showing.when(m, zone), showing.when(m), showing.lasting(m - at)) for m in moments]
    title = f"{system}: {replay.schedule}, at most {replay.max_attempts} attempts"
    showing.console().print(showing.table(title, [replay.timezone, "here", "in"], rows))


@dataclass(frozen=True, slots=True)
class Trial:
    """A schedule that is tried on the past; what is not given is as configured."""

    settings: Settings
    system: str
    schedule: str | None
    timezone: str | None
    max_attempts: int | None
    since: int

    @property
    def text(self) -> str:
        """The schedule as it is written."""
        return self.schedule or self.settings.systems[self.system].common.replay.schedule

    def parts(self) -> tuple[Schedule, ReplayPolicy]:
        """Return schedule and cap; raise InvalidValue."""
        replay = self.settings.systems[self.system].common.replay
        policy = ReplayPolicy(self.max_attempts or replay.max_attempts, int(replay.give_up_after * showing.SECOND))
        return parse(self.text, self.timezone or replay.timezone), policy


async def rehearse_all(trial: Trial) -> Rehearsal:
    """Try it; raise InvalidValue, LedgerUnavailable."""
    schedule, policy = trial.parts()
    async with opened(trial.settings) as core:
        return await rehearse(core.db, core.clock, trial.system, schedule, policy, trial.since)


def print_rehearsal(trial: Trial, found: Rehearsal, *, json: bool) -> None:
    """Print what really happened beside what the schedule would have done."""
    if json:
        showing.print_json(document(trial, found))
        return
    out = showing.console()
    if not found.failed:
        out.print(f"Nothing to {trial.system} has failed since {showing.when(trial.since)}.")
        return
    title = f"{trial.system}: {showing.counted(found.failed, 'transaction')} failed since {showing.when(trial.since)}"
    columns = ["", "really", f"{trial.text}, {trial.parts()[1].max_attempts} attempts"]
    out.print(showing.table(title, columns, _rows(found.really, found.simulated)))


def _rows(*sides: Hindsight) -> list[list[object]]:
    def row(name: str, value: Any) -> list[object]:
        return [name, *(value(side) for side in sides)]

    attempts = sorted({attempt for side in sides for attempt in side.recovered})
    return [
        row("recovered", lambda side: str(side.recovered.total())),
        *(row(f"  at attempt {n}", lambda side, n=n: str(side.recovered[n])) for n in attempts[:12]),
        *([row("  later", lambda side: str(sum(side.recovered[n] for n in attempts[12:])))] if attempts[12:] else []),
        row("half of them within", lambda side: showing.lasting(side.time(0.5))),
        row("nine of ten within", lambda side: showing.lasting(side.time(0.9))),
        row("parked", lambda side: str(side.parked)),
        row("still waiting", lambda side: str(side.waiting)),
        row("calls spent on them", lambda side: str(side.calls)),
    ]


def document(trial: Trial, found: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal as JSON's values."""
    policy = trial.parts()[1]
    return {
        "system": trial.system, "since": showing.moment(trial.since), "failed": found.failed, "schedule": trial.text,
        "max_attempts": policy.max_attempts, "really": _side(found.really), "simulated": _side(found.simulated),
    }  # fmt: skip


def _side(side: Hindsight) -> dict[str, Any]:
    half, most = side.time(0.5), side.time(0.9)
    return {
        "recovered": side.recovered.total(),
        "by_attempt": {str(attempt): count for attempt, count in sorted(side.recovered.items())},
        "median_seconds": None if half is None else half / showing.SECOND,
        "p90_seconds": None if most is None else most / showing.SECOND,
        "parked": side.parked, "waiting": side.waiting, "calls": side.calls,
    }  # fmt: skip
