"""The pretend CRM put together: store, account, routes, webhooks, and the stage in front of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from sync_system.sandbox.crm import contacts_api, properties_api
from sync_system.sandbox.crm.account import Account
from sync_system.sandbox.crm.agents_api import agents_routes
from sync_system.sandbox.crm.gate import Gate
from sync_system.sandbox.crm.limits import Limits
from sync_system.sandbox.crm.problems import Problem, dialect, invalid
from sync_system.sandbox.crm.properties import Property
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Store
from sync_system.sandbox.crm.tokens import Credentials, Tokens
from sync_system.sandbox.crm.webhooks import Webhooks
from sync_system.sandbox.crm.writing import Writer
from sync_system.sandbox.serving.calls import CallLog
from sync_system.sandbox.serving.control import control
from sync_system.sandbox.serving.faults import Faults
from sync_system.sandbox.serving.replies import json
from sync_system.sandbox.serving.stage import Stage

KEY = Property("sync_external_id", "Sync external id", unique=True, own=True)


@dataclass(frozen=True, slots=True)
class Options:
    """How the account is set up when it starts."""

    database: Path
    credentials: Credentials
    webhook_url: str | None = None
    key_property: bool = True  # an administrator has defined `sync_external_id`
    settings: CrmSettings = field(default_factory=CrmSettings)


def build(options: Options) -> Stage:
    """Return the ASGI application of one account."""
    store, faults = Store(options.database), Faults(options.settings.seed)
    if options.key_property and KEY.name not in store.properties:
        store.define(KEY)
    log = CallLog(options.database.with_suffix(".calls"))
    settings = options.settings
    settings.webhooks.enabled = options.webhook_url is not None
    tokens = Tokens(store, settings, options.credentials)
    account = Account(store, settings, faults, log, Limits(settings), tokens, Writer(store, faults, settings))
    return Stage(Gate(_application(account, options), account), log, faults, dialect, lambda: settings.latency)


def _application(account: Account, options: Options) -> FastAPI:
    app = FastAPI(lifespan=_lifespan(account, options), openapi_url=None)
    for prefix in contacts_api.FAMILIES:
        app.include_router(contacts_api.contacts_routes(account, prefix))
    for prefix in properties_api.FAMILIES:
        app.include_router(properties_api.properties_routes(account, prefix))
    app.include_router(control(account.log, account.faults, account.settings))
    app.include_router(agents_routes(account))
    _add_oauth(app, account)
    _add_refusals(app)
    return app


def _lifespan(account: Account, options: Options) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        sending: asyncio.Task[None] | None = None
        if options.webhook_url:
            secret = options.credentials.client_secret
            sending = asyncio.create_task(Webhooks(account.store, account.settings, options.webhook_url, secret).run())
        yield
        if sending:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
        account.store.close()

    return live


def _add_oauth(app: FastAPI, account: Account) -> None:
    async def refresh(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        return json(200, account.tokens.refresh(form))

    for path in ("/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"):
        app.add_api_route(path, refresh, methods=["POST"])


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def refuse(request: Request, problem: Problem) -> Response:
        return json(problem.status, problem.body())

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        return json(400, invalid(str(error.errors()[0]["msg"])).body())
