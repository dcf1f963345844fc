"""Lists read a page at a time, whatever way an API has of going on."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from sync_system.connectors.http import Answer, Http, Request
from sync_system.connectors.rest.paths import found, text_at
from sync_system.connectors.rest.rows import ObjectShape
from sync_system.connectors.rest.shapes import ListRoute
from sync_system.connectors.times import write_time
from sync_system.errors import SystemRefused

NEXT_LINK = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: the rows as they came, and where to go on, None at the end."""

    rows: Sequence[Any]
    next: str | None


class Lister:
    """Lists one object's rows."""

    def __init__(self, http: Http, object: ObjectShape, route: ListRoute) -> None:
        self._http, self._object, self._route = http, object, route

    async def pages(self, since: int | None, start: str | None) -> AsyncIterator[Listed]:
        """Read pages from `start` on, of what changed since then (microseconds), of everything if None."""
        page = start
        while True:
            try:
                listed = await self._page(since, page)
            except SystemRefused:
                if page is None or page != start:
                    raise
                page = start = None  # the system has forgotten the place that an earlier reading stopped at
                continue
            yield listed
            if listed.next is None or listed.next == page:
                return
            page = listed.next

    async def _page(self, since: int | None, page: str | None) -> Listed:
        answer = await self._http.read(self._request(since, page))
        rows = found(answer.document, self._route.rows)
        rows = rows if isinstance(rows, list) else []
        return Listed(rows, self._next(answer, rows, since, page))

    def _request(self, since: int | None, page: str | None) -> Request:
        route, how = self._route, self._route.pagination
        if how.kind in {"link", "next_url"} and page is not None:
            return Request("GET", page)
        params = dict(route.params)
        if how.kind == "keyset" and page is not None:
            keyset_at, _, offset = page.partition("+")
            since = int(keyset_at)
            page = offset or None
        if since is not None and route.updated_since:
            params[route.updated_since.param] = write_time(since, route.updated_since.format)
        if how.size_param and how.kind != "none":
            params[how.size_param] = str(how.size)
        if how.kind == "page":
            params[how.param] = page or str(how.first)
        elif page is not None:
            params[how.param] = page
        return Request("GET", route.path, params=params)

    def _next(self, answer: Answer, rows: Sequence[Any], since: int | None, page: str | None) -> str | None:
        how = self._route.pagination
        if how.kind == "cursor":
            return text_at(answer.document, how.next)
        if how.kind in {"link", "next_url"}:
            return self._next_address(answer)
        if how.kind == "none" or len(rows) < how.size:
            return None
        if how.kind == "page":
            return str(int(page or how.first) + 1)
        if how.kind == "offset":
            return str(int(page or 0) + len(rows))
        return self._next_key(rows, since, page)

    def _next_address(self, answer: Answer) -> str | None:
        how = self._route.pagination
        if how.kind == "link":
            link = NEXT_LINK.search(answer.headers.get("link", ""))
            target = link[1] if link else None
        else:
            target = text_at(answer.document, how.next)
        return urljoin(answer.calls[-1].url, target) if target else None

    def _next_key(self, rows: Sequence[Any], since: int | None, page: str | None) -> str | None:
        """Go on at the last row's time; a page full of one time is passed by an offset within it."""
        begun, _, offset = (page or "").partition("+")
        times = [at for row in rows if (at := self._object.at(row)) is not None]
        latest, start = max(times, default=0), int(begun) if begun else since
        if start is None or latest > start:
            return str(latest)
        return f"{start}+{int(offset or 0) + len(rows)}"
