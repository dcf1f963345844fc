"""The pretend application put together: store, writer, outbox, routes, and the stage in front of them."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError

from sync_system.sandbox.application.leads_api import leads_routes
from sync_system.sandbox.application.outbox import Outbox
from sync_system.sandbox.application.refusals import Refusal, dialect, unreadable
from sync_system.sandbox.application.settings import ApplicationSettings
from sync_system.sandbox.application.staff_api import staff_routes
from sync_system.sandbox.application.store import Store
from sync_system.sandbox.application.writing import Writer
from sync_system.sandbox.serving.calls import CallLog
from sync_system.sandbox.serving.control import control
from sync_system.sandbox.serving.faults import Faults
from sync_system.sandbox.serving.replies import json
from sync_system.sandbox.serving.stage import Stage


@dataclass(frozen=True, slots=True)
class Options:
    """How the application is set up when it starts; without a broker it tells nobody."""

    database: Path
    token: str
    broker: str | None = None
    source: str = "application"
    settings: ApplicationSettings = field(default_factory=ApplicationSettings)


def build(options: Options) -> Stage:
    """Return the ASGI application."""
    store, faults, settings = Store(options.database), Faults(options.settings.seed), options.settings
    log = CallLog(options.database.with_suffix(".calls"))
    outbox = Outbox(options.database, options.broker, options.source, settings) if options.broker else None
    writer = Writer(store, faults, settings, outbox.wake if outbox else None)
    app = FastAPI(lifespan=_lifespan(store, outbox), openapi_url=None)
    app.include_router(leads_routes(store, writer, faults, settings), dependencies=[Depends(_bearer(options.token))])
    app.include_router(control(log, faults, settings))
    app.include_router(staff_routes(store, writer))
    _add_refusals(app)
    return Stage(app, log, faults, dialect, lambda: settings.latency)


def _lifespan(store: Store, outbox: Outbox | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        if outbox:
            outbox.start()
        yield
        if outbox:
            outbox.close()
        store.close()

    return live


def _bearer(token: str) -> Callable[..., Awaitable[None]]:
    async def admit(authorization: Annotated[str, Header()] = "") -> None:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.encode(), token.encode()):
            raise Refusal(401, "unauthorized", "a valid bearer token is needed")

    return admit


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        return json(refusal.status, refusal.body())

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        return json(400, unreadable(str(error.errors()[0]["msg"])).body())
