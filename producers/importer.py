"""Leads from a CSV file as events: every row that can be read becomes one, the others are told with line and reason.

An event's id is made of the row's own content, so that the same file imported again changes nothing.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from producers.async_publisher import AsyncLeadPublisher
from producers.lead_publisher import Change
from producers.tables import Row, Table, open_table
from sync_system.domain.fields import Field, as_datetime
from sync_system.errors import ConfigurationError, InvalidValue

BATCH = 500
NAMESPACE = uuid.UUID("5b2f7f0e-6d2b-5d0c-9a34-0d1c5a7e4c11")

Validate = Callable[[Mapping[str, str | None]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about a file.

    `id`, `time`: columns. `columns`: column to the system's own name or the canonical one. `verb`: created or updated.
    `clear_empty`: an empty cell clears the field; else it says nothing. `encoding`, `delimiter`: None to find out.
    """

    id: str
    columns: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    verb: str = "created"
    clear_empty: bool = False
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was left out."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read together."""

    changes: Sequence[Change]
    refused: Sequence[Refused]


@dataclass(slots=True)
class Progress:
    """How far an import has come, in rows."""

    published: int = 0
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Import:
    """A file that can be imported. `columns`: column to own name; `ignored`: columns that mean nothing here."""

    table: Table
    options: Options
    columns: Mapping[str, str]
    ignored: Sequence[str]
    object: str
    system: str

    def batches(self, validate: Validate | None = None, size: int = BATCH) -> Iterator[Batch]:
        """Yield the file's rows as changes; `validate` returns the data to publish or raises InvalidValue."""
        rows = self.table.rows()
        while several := list(islice(rows, size)):
            read = [self._read(row, validate) for row in several]
            changes = [one for one in read if isinstance(one, Change)]
            yield Batch(changes, [one for one in read if isinstance(one, Refused)])

    def _read(self, row: Row, validate: Validate | None) -> Change | Refused:
        if len(row.cells) != len(self.table.header):
            return Refused(row.line, f"has {len(row.cells)} cells, the header has {len(self.table.header)}")
        cells = dict(zip(self.table.header, (cell.strip() for cell in row.cells), strict=True))
        if not cells[self.options.id]:
            return Refused(row.line, f"column {self.options.id!r}, the row's id, is empty")
        try:
            return self._change(cells, validate)
        except InvalidValue as exc:
            return Refused(row.line, str(exc))

    def _change(self, cells: Mapping[str, str], validate: Validate | None) -> Change:
        filled = {name: cells[column] or None for column, name in self.columns.items()}
        data: Mapping[str, Any] = filled if self.options.clear_empty else {k: v for k, v in filled.items() if v}
        data = validate(data) if validate else data
        at, id = self._time(cells), cells[self.options.id]
        return Change(self.options.verb, id, data, at, event_id=self._event_id(id, data, cells))

    def _time(self, cells: Mapping[str, str]) -> datetime:
        """Return when the row was so: by its column, else when the file was written."""
        if self.options.time is None:
            return datetime.fromtimestamp(self.table.path.stat().st_mtime, UTC)
        return as_datetime(Field(self.options.time), cells[self.options.time])

    def _event_id(self, id: str, data: Mapping[str, Any], cells: Mapping[str, str]) -> str:
        time = cells[self.options.time] if self.options.time else ""
        what = [self.system, self.object, self.options.verb, id, time, data]
        return str(uuid.uuid5(NAMESPACE, orjson.dumps(what, option=orjson.OPT_SORT_KEYS).hex()))


def open_import(path: Path, system: str, fields: Mapping[str, str], options: Options, object: str = "lead") -> Import:
    """Open a file for import; `fields`: canonical name to the system's own name.

    A column that is not mapped by the options is taken if it is named like a field. Raise ConfigurationError for a file
    that cannot be read, and for columns and fields that do not exist, with what was probably meant.
    """
    table = open_table(path, options.encoding or "utf-8-sig", options.delimiter)
    for column in (options.id, *([options.time] if options.time else []), *options.columns):
        if column not in table.header:
            raise ConfigurationError(f"{path} has no column {column!r}{_instead(column, table.header)}")
    columns = _columns(table.header, fields, options)
    if not columns:
        raise ConfigurationError(f"no column of {path} is mapped to a field: write --map column=field")
    ignored = [name for name in table.header if name not in columns and name not in {options.id, options.time}]
    return Import(table, options, columns, ignored, object, system)


def _columns(header: Sequence[str], fields: Mapping[str, str], options: Options) -> dict[str, str]:
    known = {_folded(own): own for own in fields.values()} | {_folded(name): own for name, own in fields.items()}
    columns = {
        name: known[_folded(name)]
        for name in header
        if _folded(name) in known and name not in {options.id, options.time}
    }
    for column, name in options.columns.items():
        if name not in fields and name not in fields.values():
            raise ConfigurationError(f"there is no field {name!r}{_instead(name, [*fields, *fields.values()])}")
        columns[column] = fields.get(name, name)
    owners: dict[str, str] = {}
    for column, own in columns.items():
        if owners.setdefault(own, column) != column:
            raise ConfigurationError(f"two columns are mapped to {own!r}: {owners[own]!r} and {column!r}")
    return columns


def _folded(name: str) -> str:
    """Return a name without its writing: `First Name`, `first_name` and `firstName` are the same."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _instead(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(_folded(word), [_folded(name) for name in known], n=1)
    meant = [name for name in known if close and _folded(name) == close[0]]
    return f"; did you mean {meant[0]!r}?" if meant else f"; there are {', '.join(dict.fromkeys(known))}"


async def import_file(
    publisher: AsyncLeadPublisher,
    source: Import,
    *,
    validate: Validate | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Publish a file's rows, a batch at a time; `report` is called after each. To repeat it is harmless."""
    progress = Progress()
    for batch in source.batches(validate):
        await publisher.publish_many(batch.changes)
        progress.published += len(batch.changes)
        progress.refused += batch.refused
        report(progress)
    return progress
