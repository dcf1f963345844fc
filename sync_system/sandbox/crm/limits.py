"""The account's rate limits: a rolling window of ten seconds, searches a second, calls a day."""

import time
from collections import deque

from sync_system.sandbox.crm.problems import too_fast
from sync_system.sandbox.crm.settings import CrmSettings

WINDOW = 10.0


class Limits:
    """Counts calls and refuses those that come too fast."""

    def __init__(self, settings: CrmSettings) -> None:
        self._settings = settings
        self._calls: deque[float] = deque()
        self._searches: deque[float] = deque()
        self._today, self._day = 0, 0

    def admit(self, path: str) -> dict[str, str]:
        """Count a call and return the headers that tell what is left; Problem when it comes too fast.

        Searches have a limit of their own and, as at the vendor's, no headers.
        """
        at = time.monotonic()
        search = path.endswith("/search")
        self._count_day()
        if search:
            _refuse_beyond(self._searches, at, 1.0, self._settings.searches, "SECONDLY")
        else:
            _refuse_beyond(self._calls, at, WINDOW, self._settings.burst, "TEN_SECONDLY_ROLLING")
        return {} if search else self._headers()

    def _count_day(self) -> None:
        day = int(time.time() // 86_400)
        self._today = self._today + 1 if day == self._day else 1
        self._day = day
        if self._today > self._settings.daily:
            raise too_fast("DAILY")

    def _headers(self) -> dict[str, str]:
        headers = {
            "X-HubSpot-RateLimit-Daily": str(self._settings.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(self._settings.daily - self._today),
        }
        if self._settings.burst is not None:
            headers["X-HubSpot-RateLimit-Max"] = str(self._settings.burst)
            headers["X-HubSpot-RateLimit-Remaining"] = str(self._settings.burst - len(self._calls))
            headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
        return headers


def _refuse_beyond(past: deque[float], at: float, window: float, most: int | None, policy: str) -> None:
    while past and past[0] <= at - window:
        past.popleft()
    if most is not None and len(past) >= most:
        raise too_fast(policy)
    past.append(at)
