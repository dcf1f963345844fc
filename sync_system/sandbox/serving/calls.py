"""The log of calls that a pretend system received, kept in a small database so that it outlives an outage."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["read", "write"]

READ_ENDINGS = ("/search", "/batch/read", "/lookup", "/token")
NO_REPLY = 0
COLUMNS = "at, method, path, kind, inputs, status, milliseconds"
SCHEMA = f"create table if not exists calls (id integer primary key, {COLUMNS})"


@dataclass(slots=True)
class Call:
    """One request while it is answered; the handler fills in how many records it carries."""

    method: str
    path: str
    kind: Kind
    inputs: int = 1
    status: int = NO_REPLY


def kind_of(method: str, path: str) -> Kind:
    """Tell whether a request only reads: some reads are POSTs, because their question needs a body."""
    return "read" if method == "GET" or path.endswith(READ_ENDINGS) else "write"


class CallLog:
    """Calls in the order of their replies; `status` is 0 where none was sent."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("pragma journal_mode = memory")
        self._database.execute("pragma synchronous = off")
        self._database.execute(SCHEMA)

    def add(self, call: Call, seconds: float) -> None:
        """Remember a call that took so many seconds."""
        row = (time.time(), call.method, call.path, call.kind, call.inputs, call.status, round(seconds * 1000, 3))
        self._database.execute(f"insert into calls ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608

    def read(self, kind: Kind | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the newest calls, oldest first."""
        rows = self._database.execute(
            "select * from (select * from calls where ?1 is null or kind = ?1 order by id desc limit ?2) order by id",
            (kind, limit),
        )
        return [dict(row) for row in rows]

    def count(self) -> dict[str, int]:
        """Return the numbers of calls and of records they carried, for each kind."""
        rows = self._database.execute("select kind, count(*), sum(inputs) from calls group by kind")
        counted = {"read": 0, "write": 0, "records_read": 0, "records_written": 0}
        for kind, calls, inputs in rows:
            counted[kind] = calls
            counted["records_read" if kind == "read" else "records_written"] = inputs
        return counted

    def clear(self) -> None:
        """Forget all calls."""
        self._database.execute("delete from calls")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
