"""What the HTTP interface does not take is answered with a problem, and nothing is told that a stranger could use."""

import httpx
import pytest
from openapi_spec_validator import validate

from api.app import create_app
from api.bodies import LONGEST
from api.webhooks import address_as_called

EVENT = {"specversion": "1.0", "id": "e1", "source": "application", "type": "lead.created", "subject": "1"}


def problem_of(reply, status):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    return body


async def post(client, content, type="application/json"):
    return await client.post("/v1/events", content=content, headers={"content-type": type})


@pytest.mark.parametrize("type", ["text/plain", "application/xml", ""])
async def test_other_media_types_are_refused(client, type):
    assert "application/cloudevents+json" in problem_of(await post(client, b"{}", type), 415)["detail"]


async def test_too_long_a_body_is_refused_by_its_length(client):
    problem_of(await post(client, b" " * (LONGEST + 1)), 413)


async def test_too_long_a_body_is_refused_while_it_comes(client):
    async def chunks():
        for _ in range(LONGEST // 65_536 + 1):
            yield b" " * 65_536

    problem_of(await client.post("/v1/events", content=chunks(), headers={"content-type": "application/json"}), 413)


async def test_body_that_is_no_json_is_refused(client):
    assert "no JSON" in problem_of(await post(client, b"{"), 400)["detail"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "id: String should have at least 1 character"),
        ({"type": "lead.vanished"}, "type: String should match"),
        ({"source": "stranger"}, "no system 'stranger' with the object 'lead'"),
        ({"type": "deal.created"}, "no system 'application' with the object 'deal'"),
    ],
    ids=["no-id", "unknown-verb", "unknown-system", "unknown-object"],
)
async def test_only_bad_events_are_refused_with_reasons(client, change, reason):
    reply = await client.post("/v1/events", json=[EVENT | change])
    (result,) = problem_of(reply, 422)["results"]
    assert result["status"] == "refused"
    assert reason in result["reason"]


@pytest.mark.parametrize("body", [[], [1], ["x"]])
async def test_requests_without_an_event_are_refused(client, body):
    problem_of(await client.post("/v1/events", json=body), 422)


async def test_reason_shows_no_lead_data(client):
    reply = await client.post("/v1/events", json={"id": "e1", "data": {"email": "ada@example.com"}, "time": "ada"})
    assert "ada" not in reply.text


async def test_broker_that_is_away_asks_to_come_again(client):
    reply = await client.post("/v1/events", json=EVENT)
    problem_of(reply, 503)
    assert int(reply.headers["retry-after"]) > 0


async def test_webhook_without_proof_is_refused_without_detail(client):
    body = problem_of(await client.post("/webhooks/application", content=b"{}"), 401)
    assert body == {"type": "about:blank", "title": "Unauthorized", "status": 401}


async def test_webhook_of_a_system_without_webhooks_is_refused(client):
    problem_of(await client.post("/webhooks/crm", content=b"{}"), 401)


async def test_webhook_of_an_unknown_system_is_not_found(client):
    problem_of(await client.post("/webhooks/stranger", content=b"{}"), 404)


async def test_unknown_path_is_a_problem(client):
    problem_of(await client.get("/v2/events"), 404)


async def test_wrong_method_is_a_problem(client):
    assert problem_of(await client.get("/v1/events"), 405)
    assert (await client.get("/v1/events")).headers["allow"] == "POST"


async def test_fault_of_ours_is_a_problem_without_its_words(core, client):
    core.connectors = {}
    assert "application" not in problem_of(await client.post("/webhooks/application", content=b"{}"), 500)["detail"]


async def test_process_lives_while_the_broker_is_away(client):
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_process_is_not_ready_without_its_broker(client):
    reply = await client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"status": "unavailable", "broker": "unavailable", "ledger": "ok"}


async def test_document_of_the_interface_is_valid(client):
    document = (await client.get("/openapi.json")).json()
    validate(document)
    assert {"/v1/events", "/webhooks/{system}", "/healthz", "/readyz", "/v1/stats"} <= document["paths"].keys()


@pytest.mark.parametrize(
    ("public", "address"),
    [
        ("https://sync.example.com", "https://sync.example.com/webhooks/a%20b?x=1%3A2"),
        (None, "http://127.0.0.1:8080/webhooks/a%20b?x=1%3A2"),
    ],
)
async def test_address_is_the_one_that_was_signed(public, address):
    asked = []

    async def app(scope, receive, send):
        from starlette.requests import Request
        from starlette.responses import Response

        asked.append(address_as_called(Request(scope), public))
        await Response()(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        await client.get("http://127.0.0.1:8080/webhooks/a%20b?x=1%3A2")
    assert asked == [address]


def test_every_installation_has_an_interface_of_its_own(core):
    assert create_app(core) is not create_app(core)
