"""What of a request and its answer is kept for people to read: at most 2 KB, and never a secret."""

import re
from collections.abc import Iterable

LONGEST = 2_048
# Read beyond the cut, so that a secret that lies across it is seen whole.
MARGIN = 512
SHORTEST_SECRET = 6
HIDDEN = "***"
SECRET_MEMBER = re.compile(
    r'("(?:authorization|(?:access_|refresh_|id_)?token|client_secret|secret|password|api_?key)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*(?:"|\Z)',
    re.IGNORECASE,
)


class Redactor:
    """Hides the secrets that it was told, and members of JSON that are named like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({text for text in secrets if len(text) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        return SECRET_MEMBER.sub(rf'\1"{HIDDEN}"', text)

    def excerpt(self, body: bytes) -> str:
        """Return the beginning of a body as text without secrets, at most 2 KB of it."""
        text = self.text(body[: LONGEST + MARGIN].decode(errors="replace"))
        if len(body) <= LONGEST and len(text.encode()) <= LONGEST:
            return text
        note = f"… ({len(body)} bytes)"
        return text.encode()[: LONGEST - len(note.encode())].decode(errors="ignore") + note
