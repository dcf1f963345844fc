"""HubSpot's routes for the definitions of properties, below both of its path families."""

import re
from typing import Any

from fastapi import APIRouter, Request, Response

from sync_system.sandbox.crm.account import Account
from sync_system.sandbox.crm.contacts_api import body_of
from sync_system.sandbox.crm.problems import CONFLICT, NOT_FOUND, Problem, invalid
from sync_system.sandbox.crm.properties import Property, own_property, renamed
from sync_system.sandbox.serving.replies import json

FAMILIES = ("/crm/v3/properties/contacts", "/crm/properties/2026-03/contacts", "/crm/properties/2026-09/contacts")
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
REQUIRED = ("name", "label", "type", "fieldType", "groupName")
TYPES = {"string", "number", "date", "datetime", "enumeration", "bool", "phone_number"}
MOST_UNIQUE = 10


def properties_routes(account: Account, prefix: str) -> APIRouter:
    """Return the routes of one path family."""
    router = APIRouter(prefix=prefix)

    @router.get("")
    async def listed() -> Response:
        return json(200, {"results": [found.described() for found in account.store.properties.values()]})

    @router.get("/{name}")
    async def get(name: str) -> Response:
        return json(200, _found(account, name).described())

    @router.post("")
    async def create(request: Request) -> Response:
        body = await body_of(request)
        _refuse_unusable(account, body)
        found = own_property(body)
        account.store.define(found)
        return json(201, found.described())

    @router.patch("/{name}")
    async def change(name: str, request: Request) -> Response:
        found = renamed(_own(account, name), await body_of(request))
        account.store.define(found)
        return json(200, found.described())

    @router.delete("/{name}")
    async def archive(name: str) -> Response:
        _own(account, name)
        account.store.undefine(name)
        return Response(status_code=204)

    return router


def _found(account: Account, name: str) -> Property:
    found = account.store.properties.get(name)
    if found is None:
        raise Problem(404, NOT_FOUND, f"property {name} does not exist")
    return found


def _own(account: Account, name: str) -> Property:
    found = _found(account, name)
    if not found.own:
        raise invalid(f"property {name} is defined by HubSpot and cannot be changed")
    return found


def _refuse_unusable(account: Account, body: dict[str, Any]) -> None:
    missing = [name for name in REQUIRED if not body.get(name)]
    if missing:
        raise invalid(f"Invalid input JSON: some required fields were not set: {missing}")
    if not NAME.fullmatch(str(body["name"])) or body["type"] not in TYPES:
        raise invalid(f"Invalid property: {body['name']} of type {body['type']}")
    if body["name"] in account.store.properties:
        raise Problem(409, CONFLICT, f"A property named '{body['name']}' already exists.")
    unique = [found for found in account.store.properties.values() if found.unique]
    if body.get("hasUniqueValue") and len(unique) > MOST_UNIQUE:
        raise invalid(f"an object can have {MOST_UNIQUE} unique properties")
