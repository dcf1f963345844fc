"""The endpoints of the application contract: what an application offers to be kept in sync."""

import base64
import binascii
from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Header, Request, Response

from sync_system.sandbox.application.fields import FIELDS
from sync_system.sandbox.application.idempotency import Replies
from sync_system.sandbox.application.refusals import Refusal, not_found, of_fault, unreadable
from sync_system.sandbox.application.settings import ApplicationSettings
from sync_system.sandbox.application.store import Lead, Store, iso, microseconds
from sync_system.sandbox.application.writing import Write, Writer, Written, names_of
from sync_system.sandbox.serving.calls import Call
from sync_system.sandbox.serving.faults import Faults
from sync_system.sandbox.serving.replies import json, read_json

MOST = 200
IfMatch = Annotated[str | None, Header()]
MATCHED = ("email", "phone", "mobilePhone")


def leads_routes(store: Store, writer: Writer, faults: Faults, settings: ApplicationSettings) -> APIRouter:
    """Return the routes below `/leads`."""
    router = APIRouter(prefix="/leads")
    replies = Replies(store)
    _add_reading(router, store, faults, settings)

    @router.post("/bulk")
    async def bulk(request: Request) -> Response:
        async def answer() -> Response:
            items = _items(await _body(request))
            _call(request).inputs = len(items)
            outcomes = writer.write([_write_of(item) for item in items], _call(request))
            return json(200, {"results": [_result(outcome) for outcome in outcomes]})

        return await replies.once(request, answer)

    @router.put("/{key}")
    async def put(key: str, request: Request, if_match: IfMatch = None) -> Response:
        async def answer() -> Response:
            return _one(writer, request, Write(await _body(request), key=key, etag=if_match))

        return await replies.once(request, answer)

    @router.patch("/by-id/{id}")
    async def patch(id: str, request: Request, if_match: IfMatch = None) -> Response:
        async def answer() -> Response:
            return _one(writer, request, Write(await _body(request), id=id, etag=if_match))

        return await replies.once(request, answer)

    @router.delete("/{id}")
    async def delete(id: str, request: Request) -> Response:
        if not writer.delete([id], _call(request)):
            raise not_found(id)
        return Response(status_code=204)

    return router


def _add_reading(router: APIRouter, store: Store, faults: Faults, settings: ApplicationSettings) -> None:
    @router.get("/schema")
    async def schema() -> Response:
        return json(200, {"fields": [field.described(settings.required) for field in FIELDS.values()]})

    @router.get("")
    async def listed(updated_since: str | None = None, cursor: str | None = None, limit: int = 100) -> Response:
        if not 0 < limit <= MOST:
            raise unreadable(f"limit must be between 1 and {MOST}")
        since = _since(updated_since)
        where = "(updated_at, id) > (?, ?) and updated_at >= ?" + (" and deleted_at is null" if since is None else "")
        values = (*_place(cursor), since or 0, limit + 1)
        found = store.leads(f"{where} order by updated_at, id limit ?", values)
        page = found[:limit]
        following = _cursor(page[-1]) if len(found) > limit else None
        return json(200, {"leads": [lead.shown() for lead in page], "next_cursor": following})

    @router.post("/lookup")
    async def lookup(request: Request) -> Response:
        body = await _body(request)
        rows = _looked_up(store, body)
        _call(request).inputs = sum(len(values) for values in body.values() if isinstance(values, list))
        _refuse_unreadable(faults, _call(request), rows)
        return json(200, {"leads": [lead.shown() for lead in rows]})

    @router.get("/{id}")
    async def get(id: str, request: Request) -> Response:
        found = store.living("id", [int(id)]) if id.isdecimal() else []
        _refuse_unreadable(faults, _call(request), found)
        if not found:
            raise not_found(id)
        return json(200, found[0].shown(), {"ETag": found[0].etag})


def _refuse_unreadable(faults: Faults, call: Call, found: list[Lead]) -> None:
    if fault := faults.poisoned(call, (names_of(lead) for lead in found)):
        raise of_fault(fault)


def _looked_up(store: Store, body: dict[str, Any]) -> list[Lead]:
    asked: dict[str, list[Any]] = {}
    if "ids" in body:
        asked["id"] = [int(id) for id in _texts(body["ids"]) if id.isdecimal()]
    if "keys" in body:
        asked["key"] = _texts(body["keys"])
    for name, values in (body.get("match") or {}).items():
        if name not in MATCHED:
            raise unreadable(f"match takes {', '.join(MATCHED)}, not {name}")
        asked[name] = [value.strip().lower() if name == "email" else value for value in _texts(values)]
    if not asked:
        raise unreadable("one of ids, keys and match is needed")
    found = [lead for name, values in asked.items() for lead in store.living(name, values)]
    return list({lead.id: lead for lead in found}.values())


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or len(values) > MOST:
        raise unreadable(f"a list of at most {MOST} texts is needed")
    return [str(value) for value in values]


def _since(text: str | None) -> int | None:
    try:
        return None if text is None else microseconds(text)
    except ValueError:
        raise unreadable(f"updated_since is no time: {text}") from None


def _cursor(lead: Lead) -> str:
    return base64.urlsafe_b64encode(f"{lead.updated_at}.{lead.id}".encode()).decode()


def _place(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return (-1, 0)
    try:
        at, id = base64.urlsafe_b64decode(cursor).decode().split(".")
        return int(at), int(id)
    except (ValueError, binascii.Error):
        raise unreadable("this cursor is none of ours") from None


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise unreadable("items must be a list of objects")
    if len(items) > MOST:
        raise Refusal(413, "too_many", f"at most {MOST} items in one call")
    return items


def _write_of(item: dict[str, Any]) -> Write:
    values, id, key = item.get("lead"), item.get("id"), item.get("key")
    if not isinstance(values, dict) or (id is None) == (key is None):
        raise unreadable("an item needs `lead`, and either `id` or `key`")
    return Write(values, None if id is None else str(id), None if key is None else str(key), item.get("etag"))


def _result(outcome: Written | Refusal) -> dict[str, Any]:
    if isinstance(outcome, Refusal):
        return {"ok": False, "status": outcome.status, **outcome.body()}
    lead = outcome.lead
    about = {"id": str(lead.id), "created": outcome.created, "etag": lead.etag, "updated_at": iso(lead.updated_at)}
    return {"ok": True, **about, "lead": lead.shown()}


def _one(writer: Writer, request: Request, write: Write) -> Response:
    [outcome] = writer.write([write], _call(request))
    if isinstance(outcome, Refusal):
        raise outcome
    return json(201 if outcome.created else 200, outcome.lead.shown(), {"ETag": outcome.lead.etag})


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await read_json(request)
    except orjson.JSONDecodeError:
        raise unreadable("the body is no JSON") from None
    if not isinstance(body, dict):
        raise unreadable("the body must be an object")
    return body


def _call(request: Request) -> Call:
    return cast("Call", request.state.call)
