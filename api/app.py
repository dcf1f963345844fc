"""The HTTP application, put together from its routes."""

from importlib.metadata import version

from fastapi import FastAPI

from api import events, health, metrics, problems, stats, webhooks
from sync_system.bootstrap import Core


def create_app(core: Core) -> FastAPI:
    """Return the HTTP interface of one installation."""
    app = FastAPI(
        title="sync-system",
        version=version("sync-system"),
        summary="Carries leads between an application and its CRMs.",
        description="Errors are problem details (RFC 9457), `application/problem+json`.",
        docs_url=None,  # its page would load scripts from a foreign host
        redoc_url=None,
    )
    app.state.core = core
    problems.install(app)
    for module in (events, webhooks, stats, metrics, health):
        app.include_router(module.router)
    return app
