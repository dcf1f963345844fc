"""The part of the agent's side that every pretend system has: its calls, its faults and its settings, over HTTP."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from sync_system.sandbox.serving.calls import CallLog, Kind
from sync_system.sandbox.serving.faults import Fault, Faults, OrderedFault


class Settings(BaseModel):
    """What can be tuned while a pretend system runs."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    latency: float = 0.0  # seconds before each call is handled
    seed: int = 1


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return old settings with new ones over them, groups of settings one by one."""
    groups = {name: _merged(old[name], value) for name, value in new.items() if isinstance(old.get(name), dict)}
    return old | new | groups


def control(log: CallLog, faults: Faults, settings: Settings) -> APIRouter:
    """Return the routes below `/sandbox/`."""
    router = APIRouter(prefix="/sandbox")
    _add_faults(router, faults)

    @router.get("/health")
    async def health() -> dict[str, bool]:
        return {"ok": True}

    @router.get("/calls")
    async def calls(kind: Kind | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        return log.read(kind, limit)

    @router.get("/calls/count")
    async def count() -> dict[str, int]:
        return log.count()

    @router.delete("/calls")
    async def forget() -> None:
        log.clear()

    @router.get("/settings")
    async def read_settings() -> dict[str, Any]:
        return settings.model_dump(mode="json")

    @router.patch("/settings")
    async def tune(request: Request) -> dict[str, Any]:
        try:
            changed = type(settings).model_validate(_merged(settings.model_dump(), await request.json()))
        except ValidationError as error:
            raise HTTPException(422, str(error)) from error
        for name in type(settings).model_fields:
            setattr(settings, name, getattr(changed, name))
        return settings.model_dump(mode="json")

    return router


def _add_faults(router: APIRouter, faults: Faults) -> None:
    @router.get("/faults")
    async def in_force() -> list[OrderedFault]:
        return faults.in_force()

    @router.post("/faults")
    async def order(fault: Fault) -> OrderedFault:
        return faults.order(fault)

    @router.delete("/faults")
    async def lift_all() -> None:
        faults.clear()

    @router.delete("/faults/{number}")
    async def lift(number: int) -> None:
        faults.clear(number)
