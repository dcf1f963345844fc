"""The agent's side, which is none of HubSpot's API: what people do in the CRM's own pages, many rows at once."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from sync_system.sandbox.crm.account import AGENT, Account, counts
from sync_system.sandbox.crm.problems import Problem
from sync_system.sandbox.crm.views import shown
from sync_system.sandbox.crm.writing import Mode, Write


class NewContact(BaseModel):
    """A contact as an agent types it in."""

    properties: dict[str, Any]


class EditedContact(NewContact):
    """What an agent types over."""

    id: str


class Created(BaseModel):
    """The contacts of one request to create."""

    contacts: list[NewContact]


class Edited(BaseModel):
    """The contacts of one request to edit."""

    contacts: list[EditedContact]


class Named(BaseModel):
    """Contacts by id."""

    ids: list[str] = Field(default_factory=list)


class Merged(BaseModel):
    """One contact that survives and one that goes into it."""

    primary: str
    merged: str


def agents_routes(account: Account) -> APIRouter:
    """Return the routes below `/sandbox/`."""
    router = APIRouter(prefix="/sandbox")

    @router.post("/contacts")
    async def create(asked: Created) -> list[str]:
        return _written(account, [Write(each.properties) for each in asked.contacts], "create")

    @router.patch("/contacts")
    async def edit(asked: Edited) -> list[str]:
        return _written(account, [Write(each.properties, each.id) for each in asked.contacts], "update")

    @router.get("/contacts")
    async def read(request: Request, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        found = account.store.contacts("id > ? order by id limit ?", (after, limit))
        return [shown(contact, tuple(contact.properties)) for contact in found]

    @router.post("/contacts/delete")
    async def delete(asked: Named) -> None:
        account.archive(asked.ids, AGENT)

    @router.post("/contacts/restore")
    async def restore(asked: Named) -> None:
        account.restore(asked.ids, AGENT)

    @router.post("/contacts/merge")
    async def merge(asked: Merged) -> str:
        return str(account.merge(asked.primary, asked.merged, AGENT).id)

    @router.post("/tokens/expire")
    async def expire() -> None:
        account.tokens.expire()

    @router.get("/counts")
    async def count() -> dict[str, Any]:
        return counts(account.store)

    return router


def _written(account: Account, writes: list[Write], mode: Mode) -> list[str]:
    try:
        outcomes = account.writer.write(writes, mode, AGENT)
    except Problem as problem:
        raise HTTPException(422, problem.message) from problem
    return [str(outcome.contact.id) for outcome in outcomes if not isinstance(outcome, Problem)]
