"""Where a poll goes on: a window that overlaps the last one, and what was already seen in it.

Systems stamp a row with the start of its transaction, or show it late: "newer than the newest" would lose rows.
"""

import base64
import struct
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import orjson

SIGHT = struct.Struct(">8sI")  # a digest, and milliseconds since the window began
LAST_MILLISECOND = 2**32 - 1
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Times in microseconds since 1970. `since`: where the listing begins, `page`: where in it to go on.

    `newest`: the latest change that was read. `seen`: digests of rows as they were read, with the time of each.
    """

    since: int | None = None
    page: str | None = None
    newest: int | None = None
    seen: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def behind(cls, at: int, overlap: int) -> "Cursor":
        """Return the cursor of a listing that has read everything until a moment."""
        return cls(since=(at - overlap) // SECOND * SECOND)

    def first_sight(self, digest: bytes, at: int | None) -> bool:
        """Note a row; False if it was seen before, just as it is."""
        if digest in self.seen:
            return False
        self.seen[digest] = at if at is not None else self.newest or 0
        return True

    def moved(self, page: str | None, newest: int | None, overlap: int) -> "Cursor":
        """Go on to the next page, or, if there is none, to the next listing; forget what is out of reach."""
        latest = max((at for at in (self.newest, newest) if at is not None), default=None)
        # Whole seconds, because not every system can be asked for less.
        floor = self.since if latest is None else (latest - overlap) // SECOND * SECOND
        seen = self.seen if floor is None else {digest: at for digest, at in self.seen.items() if at >= floor}
        return replace(self, page=page, newest=latest, seen=seen, since=self.since if page is not None else floor)

    def dumps(self) -> str:
        """Write the cursor as text."""
        base = min(self.seen.values(), default=0) // 1_000 * 1_000
        packed = b"".join(
            SIGHT.pack(digest, min((at - base) // 1_000, LAST_MILLISECOND)) for digest, at in self.seen.items()
        )
        sights = base64.b64encode(packed).decode()
        fields = {"since": self.since, "page": self.page, "newest": self.newest, "base": base, "seen": sights}
        return orjson.dumps({name: value for name, value in fields.items() if value}).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Cursor":
        """Read a cursor; None begins at the beginning."""
        if not text:
            return cls()
        read = orjson.loads(text)
        base = read.get("base", 0)
        packed = base64.b64decode(read.get("seen", ""))
        seen = {digest: base + offset * 1_000 for digest, offset in SIGHT.iter_unpack(packed)}
        return cls(read.get("since"), read.get("page"), read.get("newest"), seen)


def digest_of(row: Any) -> bytes:
    """Return what a row is recognised by when it is read again unchanged."""
    return blake2b(orjson.dumps(row), digest_size=8).digest()
