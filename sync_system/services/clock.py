"""The time, as every service takes it: microseconds since 1970."""

import os
import time
from collections.abc import Callable
from itertools import count

Clock = Callable[[], int]

_sequence = count()


def now() -> int:
    """Return the time of this machine."""
    return time.time_ns() // 1_000


def new_id(at: int) -> str:
    """Return a UUID of version 7 (RFC 9562) as 32 hexadecimal digits: ids made later sort later.

    The 12 bits behind the milliseconds count up within this process, the rest is random.
    """
    low = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    high = (at // 1_000 & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | next(_sequence) & 0xFFF
    return f"{high << 64 | low:032x}"
