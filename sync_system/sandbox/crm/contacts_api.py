"""HubSpot's routes for contacts, below both of its path families."""

from collections.abc import Callable
from typing import Any, cast

import orjson
from fastapi import APIRouter, Request, Response

from sync_system.sandbox.crm.account import Account
from sync_system.sandbox.crm.problems import CONFLICT, Problem, invalid, not_found, of_fault
from sync_system.sandbox.crm.search import search
from sync_system.sandbox.crm.store import Contact, now
from sync_system.sandbox.crm.views import batch_reply, shown, shown_written
from sync_system.sandbox.crm.writing import RECORD_ID, Mode, Write, Written, names_of
from sync_system.sandbox.serving.calls import Call
from sync_system.sandbox.serving.replies import json, read_json

FAMILIES = ("/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/objects/2026-09/contacts")
MOST = 100
GONE = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."


def contacts_routes(account: Account, prefix: str) -> APIRouter:
    """Return the routes of one path family."""
    router = APIRouter(prefix=prefix)
    _add_batches(router, account)
    _add_singles(router, account)

    @router.post("/search")
    async def find(request: Request) -> Response:
        body = await body_of(request)
        page = search(account.store, account.settings, body)
        _refuse_unreadable(account, request, page.contacts)
        names = body.get("properties") or ()
        view: dict[str, Any] = {"total": page.total, "results": [shown(each, names) for each in page.contacts]}
        if page.after is not None:
            view["paging"] = {"next": {"after": str(page.after), "link": ""}}
        return json(200, view)

    @router.post("/merge")
    async def merge(request: Request) -> Response:
        body = await body_of(request)
        names = str(body.get("primaryObjectId")), str(body.get("objectIdToMerge"))
        return json(200, shown(account.merge(*names, account.integration())))

    @router.get("")
    async def listed(limit: int = 10, after: int = 0, properties: str = "", archived: bool = False) -> Response:
        if not 0 < limit <= MOST:
            raise invalid(f"limit must be between 1 and {MOST}")
        found = account.store.contacts("id > ? order by id limit ?", (after, limit + 1), archived=archived)
        page = found[:limit]
        view: dict[str, Any] = {"results": [shown(each, _names(properties)) for each in page]}
        if len(found) > limit:
            last = page[-1].id
            view["paging"] = {"next": {"after": str(last), "link": f"{prefix}?after={last}&limit={limit}"}}
        return json(200, view)

    return router


def _add_batches(router: APIRouter, account: Account) -> None:
    def writes(mode: Mode) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await _write_batch(account, request, mode)

        return answer

    modes: tuple[Mode, ...] = ("create", "update", "upsert")
    for mode in modes:
        router.add_api_route(f"/batch/{mode}", writes(mode), methods=["POST"])

    @router.post("/batch/archive")
    async def archive(request: Request) -> Response:
        inputs = _inputs(await body_of(request), request)
        account.archive([str(each.get("id")) for each in inputs], account.integration(), _call(request))
        return Response(status_code=204)

    @router.post("/batch/read")
    async def read(request: Request, archived: bool = False) -> Response:
        started, body = now(), await body_of(request)
        names = [str(each.get("id")) for each in _inputs(body, request)]
        id_property = _checked_name(account, body.get("idProperty") or RECORD_ID)
        by_name = account.store.by_values(id_property, names, archived=archived)
        found = {name: by_name.get(name.strip().lower() if id_property == "email" else name) for name in names}
        _refuse_unreadable(account, request, list(by_name.values()))
        results = [shown(each, body.get("properties") or ()) for each in _distinct(list(found.values()))]
        missing = [name for name, contact in found.items() if contact is None]
        errors = [Problem(207, "OBJECT_NOT_FOUND", GONE, {"ids": missing}).in_batch(None)] if missing else []
        return json(*batch_reply(results, errors, started=started))


def _add_singles(router: APIRouter, account: Account) -> None:
    @router.post("")
    async def create(request: Request) -> Response:
        body = await body_of(request)
        return _one(account, request, Write(body.get("properties") or {}), "create", 201)

    @router.get("/{name}")
    async def get(
        name: str,
        request: Request,
        properties: str = "",
        idProperty: str = RECORD_ID,  # noqa: N803
        archived: bool = False,
    ) -> Response:
        id_property = _checked_name(account, idProperty)
        found = list(account.store.by_values(id_property, [name], archived=archived).values())
        if not found:
            raise not_found(name)
        _refuse_unreadable(account, request, found)
        return json(200, shown(found[0], _names(properties)))

    @router.patch("/{name}")
    async def update(name: str, request: Request, idProperty: str = RECORD_ID) -> Response:  # noqa: N803
        body = await body_of(request)
        write = Write(body.get("properties") or {}, name, _checked_name(account, idProperty))
        return _one(account, request, write, "update", 200)

    @router.delete("/{name}")
    async def archive(name: str, request: Request) -> Response:
        account.archive([name], account.integration(), _call(request))
        return Response(status_code=204)


def _refuse_unreadable(account: Account, request: Request, found: list[Contact]) -> None:
    if fault := account.faults.poisoned(_call(request), map(names_of, found)):
        raise of_fault(fault)


async def _write_batch(account: Account, request: Request, mode: Mode) -> Response:
    started, body = now(), await body_of(request)
    writes = [_write_of(account, each, mode) for each in _inputs(body, request)]
    _refuse_twins(writes, mode)
    try:
        outcomes = account.writer.write(writes, mode, account.integration(), _call(request))
    except Problem as problem:
        if mode != "create" and problem.category == CONFLICT:
            problem.status = 400
        raise
    results = [shown_written(each, upsert=mode == "upsert") for each in outcomes if isinstance(each, Written)]
    errors = [
        each.in_batch(write.trace) for each, write in zip(outcomes, writes, strict=True) if isinstance(each, Problem)
    ]
    if mode == "create" and not errors:
        return json(201, batch_reply(results, [], started=started)[1])
    return json(*batch_reply(results, errors, started=started))


def _write_of(account: Account, given: dict[str, Any], mode: Mode) -> Write:
    properties, trace = given.get("properties"), given.get("objectWriteTraceId")
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON: some required fields were not set: [properties]")
    if mode == "create":
        return Write(properties, trace=trace)
    if "id" not in given:
        raise invalid("Invalid input JSON: some required fields were not set: [id]")
    id_property = given.get("idProperty")
    if mode == "upsert" and not id_property:
        raise invalid("idProperty is required to upsert")
    return Write(properties, str(given["id"]), _checked_name(account, id_property or RECORD_ID), trace)


def _refuse_twins(writes: list[Write], mode: Mode) -> None:
    names = [write.name.strip().lower() if write.id_property == "email" else write.name for write in writes]
    if mode != "create" and len(set(names)) < len(names):
        twin = next(name for name in names if names.count(name) > 1)
        raise invalid(f"Duplicate IDs found in batch input: [{twin}]. IDs must be unique")


def _checked_name(account: Account, id_property: str) -> str:
    found = account.store.properties.get(id_property)
    if found and (found.unique or id_property == RECORD_ID):
        return id_property
    raise invalid(f"Unable to perform update/upsert by non-unique 0-1 property {id_property}")


def _one(account: Account, request: Request, write: Write, mode: Mode, status: int) -> Response:
    [outcome] = account.writer.write([write], mode, account.integration(), _call(request))
    if isinstance(outcome, Problem):
        raise outcome
    return json(status, shown_written(outcome, upsert=False))


def _inputs(body: dict[str, Any], request: Request) -> list[dict[str, Any]]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise invalid("Invalid input JSON: some required fields were not set: [inputs]")
    if len(inputs) > MOST:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MOST}")
    _call(request).inputs = len(inputs)
    return inputs


async def body_of(request: Request) -> dict[str, Any]:
    """Return the request's JSON object; Problem 400 if it is none."""
    try:
        body = await read_json(request)
    except orjson.JSONDecodeError:
        raise invalid("Invalid input JSON") from None
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object is needed")
    return body


def _call(request: Request) -> Call:
    return cast("Call", request.state.call)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _distinct(contacts: list[Contact | None]) -> list[Contact]:
    return list({contact.id: contact for contact in contacts if contact}.values())
