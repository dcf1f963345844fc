"""A CSV file as rows of named cells: its encoding checked first, its delimiter found, every row with its line."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sync_system.errors import ConfigurationError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 50  # rows that a delimiter is judged by
LONGEST_CELL = 1_000_000  # characters; the csv module's own limit would be 131,072


@dataclass(frozen=True, slots=True)
class Row:
    """One row after the header: the line it begins on, and its cells."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file whose header has been read."""

    path: Path
    encoding: str
    delimiter: str
    header: Sequence[str]

    def rows(self) -> Iterator[Row]:
        """Yield the rows after the header, without empty lines; raise ConfigurationError where quotes do not close."""
        yield from islice(_records(self.path, self.encoding, self.delimiter), 1, None)


def open_table(path: Path, encoding: str = "utf-8-sig", delimiter: str | None = None) -> Table:
    """Read a file's header; raise ConfigurationError, with the line, if the file is none that can be imported."""
    check_encoding(path, encoding)
    found = delimiter or find_delimiter(path, encoding)
    first = next(_records(path, encoding, found), None)
    if first is None:
        raise ConfigurationError(f"{path} is empty: its first line must name the columns")
    header = [cell.strip() for cell in first.cells]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path}:{first.line}: the header has a column twice: {', '.join(map(repr, twice))}")
    return Table(path, encoding, found, header)


def check_encoding(path: Path, encoding: str) -> None:
    """Decode the whole file once; raise ConfigurationError with the first line that is not of this encoding."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as exc:
        raise ConfigurationError(f"{encoding!r} is no encoding; try utf-8, cp1252, latin-1, utf-16") from exc
    line = 0
    try:
        with path.open("rb") as file:
            for raw in file:
                line += 1
                decoder.decode(raw)
            decoder.decode(b"", final=True)
    except UnicodeError as exc:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        hint = "name the file's own with --encoding (cp1252 is usual for files from Excel)"
        raise ConfigurationError(f"{path}:{line}: this line is not {name}: {hint}") from exc
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc.strerror}") from exc


def find_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that most rows agree on: with it they have as many cells as the header, more than one."""

    def worth(delimiter: str) -> tuple[bool, float, int]:
        widths: list[int] = []
        with suppress(ConfigurationError):  # told when the rows are read
            widths.extend(len(record.cells) for record in islice(_records(path, encoding, delimiter), SAMPLE))
        columns = widths[0] if widths else 0
        return columns > 1, widths.count(columns) / max(len(widths), 1), columns

    return max(DELIMITERS, key=worth)


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    limit = csv.field_size_limit()
    csv.field_size_limit(max(limit, LONGEST_CELL))
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield Row(line, cells)
                line = reader.line_num + 1
        except csv.Error as exc:
            raise ConfigurationError(f"{path}:{line}: this row is no CSV: {exc}") from exc
