"""How a command ends that did not come to its end: one sentence on stderr, and an exit code."""

import traceback
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from sync_system.cli.options import invocation_of
from sync_system.errors import ConfigurationError, SyncError

FAILED = 1
DIFFERENT = 3


class Commands(TyperGroup):
    """Commands whose errors end as a sentence; a traceback is shown only if it was asked for."""

    def invoke(self, context: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except SyncError as exc:
            _show(context, sentences(exc), exc)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as exc:  # noqa: BLE001  # nothing is above: a bug ends as a sentence as well
            known = sync_error_in(exc)
            _show(context, sentences(known) if known else bug(exc), exc)
        raise typer.Exit(FAILED)


def sentences(exc: SyncError) -> str:
    """Return what an error says; a configuration's problems stand a line each."""
    text = str(exc)
    missing = [p for p in exc.problems if p not in text] if isinstance(exc, ConfigurationError) else []
    return "\n".join([text, *missing])


def bug(exc: Exception) -> str:
    """Return one sentence for what should not have happened; an exception's own words may hold lead data."""
    return f"sync-system has a bug here: {type(exc).__name__}; --debug shows where"


def sync_error_in(exc: BaseException) -> SyncError | None:
    """Return the error that a group of exceptions holds, if they all are ours."""
    if isinstance(exc, SyncError):
        return exc
    if not isinstance(exc, BaseExceptionGroup):
        return None
    found = [sync_error_in(one) for one in exc.exceptions]
    return found[0] if all(found) else None


def _show(context: Any, text: str, exc: BaseException) -> None:
    if invocation_of(context).debug:
        typer.echo("".join(traceback.format_exception(exc)), err=True, nl=False)
    typer.echo(f"sync-system: {text}", err=True)
