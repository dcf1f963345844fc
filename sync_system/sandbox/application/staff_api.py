"""The staff's side, which is no part of the contract: what people do in the application's own pages, many rows at once."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from sync_system.sandbox.application.refusals import Refusal
from sync_system.sandbox.application.store import Store
from sync_system.sandbox.application.writing import Write, Writer


class Created(BaseModel):
    """Leads as they are typed in."""

    leads: list[dict[str, Any]]


class EditedLead(BaseModel):
    """What is typed over in one lead; null clears."""

    id: str
    values: dict[str, Any]


class Edited(BaseModel):
    """The leads of one request to edit."""

    leads: list[EditedLead]


class Named(BaseModel):
    """Leads by id."""

    ids: list[str]


def staff_routes(store: Store, writer: Writer) -> APIRouter:
    """Return the routes below `/sandbox/`."""
    router = APIRouter(prefix="/sandbox")

    @router.post("/leads")
    async def create(asked: Created) -> list[str]:
        return _ids(writer, [Write(values) for values in asked.leads])

    @router.patch("/leads")
    async def edit(asked: Edited) -> list[str]:
        return _ids(writer, [Write(lead.values, id=lead.id) for lead in asked.leads])

    @router.post("/leads/delete")
    async def delete(asked: Named) -> None:
        writer.delete(asked.ids)

    @router.get("/leads")
    async def read(after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        found = store.leads("deleted_at is null and id > ? order by id limit ?", (after, limit))
        return [lead.shown() for lead in found]

    @router.get("/counts")
    async def count() -> dict[str, int]:
        [(leads, deleted)] = store.query("select count(*) - count(deleted_at), count(deleted_at) from leads")
        [(waiting,)] = store.query("select count(*) from outbox")
        return {"leads": leads, "deleted": deleted, "outbox": waiting}

    return router


def _ids(writer: Writer, writes: list[Write]) -> list[str]:
    outcomes = writer.write(writes)
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            raise outcome
    return [str(outcome.lead.id) for outcome in outcomes if not isinstance(outcome, Refusal)]
