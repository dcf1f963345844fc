"""The proof that a webhook comes from who it says: over the raw bytes, in constant time, young and not of the future."""

import hmac
from collections.abc import Callable, Iterable, Sequence

from sync_system.errors import WebhookRefused

Encode = Callable[[bytes], str]


def require_signature(
    secrets: Sequence[bytes], message: bytes, claims: Iterable[str], *, encode: Encode, algorithm: str = "sha256"
) -> None:
    """Raise WebhookRefused unless one of `claims` is the HMAC of `message` under one of `secrets`."""
    expected = [encode(hmac.digest(secret, message, algorithm)).encode() for secret in secrets]
    found = [hmac.compare_digest(one, claim.encode()) for claim in claims for one in expected]
    if not any(found):
        raise WebhookRefused("the signature is missing or wrong")


def require_fresh(claimed_at: int, at: int, tolerance: float) -> None:
    """Raise WebhookRefused if a webhook is older or newer than `tolerance` seconds; times in microseconds."""
    if abs(at - claimed_at) > tolerance * 1_000_000:
        raise WebhookRefused("the timestamp is too far from our time")
