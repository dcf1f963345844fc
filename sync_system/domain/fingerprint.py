"""The identity of a failure's cause: the same for every record that fails for the same reason, and after a restart."""

import re
from hashlib import blake2b

from sync_system.domain.outcomes import OutcomeClass

# What differs from record to record: quoted values, addresses, ids and numbers.
VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s@]+@[^\s@]+|\b[0-9a-f]{8,}\b|\b[0-9a-f-]{32,36}\b|\d+", re.IGNORECASE)


def fingerprint(outcome: OutcomeClass, code: str, operation: str, message: str) -> str:
    """Return 16 hexadecimal digits for a class, a vendor's code, an operation and a message without its values."""
    cause = VARIABLE.sub("#", message).strip().lower()
    return blake2b(f"{outcome}\0{code}\0{operation}\0{cause}".encode(), digest_size=8).hexdigest()
