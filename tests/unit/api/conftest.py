"""The HTTP interface of a small installation whose broker is away."""

import base64

import httpx
import pytest
import structlog

from api.app import create_app
from sync_system.bootstrap import build
from sync_system.connectors.registry import connector_types
from sync_system.settings import load_text

SECRET = base64.b64encode(b"secret of the webhooks").decode()
NOBODY_LISTENS = "amqp://guest:guest@127.0.0.1:1/"
CONFIGURATION = """
database: {database}
broker: {broker}
public_url: https://sync.example.com
systems:
  application:
    connector: rest
    base_url: https://app.example.com
    webhook: {{secret: "{secret}"}}
    lead: {{fields: {{email: email, first_name: firstName}}}}
  crm:
    connector: rest
    base_url: https://crm.example.com
    lead: {{fields: {{email: email}}}}
"""


@pytest.fixture
async def core(sqlite_url):
    text = CONFIGURATION.format(database=sqlite_url, broker=NOBODY_LISTENS, secret=SECRET)
    core = build(load_text(text, connector_types(), {}), connector_types())
    yield core
    await core.aclose()


@pytest.fixture
async def client(core):
    transport = httpx.ASGITransport(create_app(core), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(autouse=True)
def logged():
    with structlog.testing.capture_logs() as entries:
        yield entries
