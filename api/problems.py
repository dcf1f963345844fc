"""Everything that goes wrong, as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from sync_system.errors import BrokerUnavailable, LedgerUnavailable

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(description="What the status means.")
    status: int
    detail: str | None = Field(None, description="What is wrong with this request.")


class Refusal(HTTPException):
    """Raised when a request cannot be done; `more` stands beside the standard members of the problem."""

    def __init__(
        self, status: int, detail: str | None = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.more = more


def unavailable(detail: str) -> Refusal:
    """Return the answer for what can be done a little later."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_SECONDS)})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe these refusals for the OpenAPI document."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    told: dict[int | str, str] = {status: HTTPStatus(status).phrase for status in statuses}
    told["default"] = "Any other problem"
    return {status: {"description": phrase, "content": content} for status, phrase in told.items()}


def answer(
    status: int, detail: str | None, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> JSONResponse:
    """Return a problem as a response."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    body = problem.model_dump(exclude_none=True) | dict(more or {})
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(BrokerUnavailable, _away)
    app.add_exception_handler(LedgerUnavailable, _away)
    app.add_exception_handler(Exception, _broken)


async def _refused(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    detail = exc.detail if exc.detail != HTTPStatus(exc.status_code).phrase else None
    return answer(exc.status_code, detail, exc.headers, exc.more if isinstance(exc, Refusal) else None)


async def _invalid(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, RequestValidationError):
        raise exc
    problems = [f"{'.'.join(str(part) for part in error['loc'][1:])}: {error['msg']}" for error in exc.errors()]
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(problems))


async def _away(request: Request, exc: Exception) -> JSONResponse:
    log.warning("request.postponed", path=request.url.path, error=str(exc))
    return await _refused(request, unavailable("the broker or the database does not answer; try again"))


async def _broken(request: Request, exc: Exception) -> JSONResponse:
    log.error("request.failed", path=request.url.path, exc_info=exc)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of sync-system; its log says where")
