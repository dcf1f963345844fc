"""The HTTP layer against a real server: what each way of failing means, and what is kept of a call."""

import asyncio
from functools import partial

import pytest
from scripted_server import HANG_UP, SILENCE, Say, ScriptedServer

from sync_system.connectors.configuration import Auth, ClientCredentials
from sync_system.connectors.http import Http, Problem, Request, bearer, configured_auth, fetch_token, open_client
from sync_system.connectors.http.answers import retry_after
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import SystemRefused, SystemUnavailable
from sync_system.sandbox.processes import free_ports

TOKEN = "a-very-secret-token"
WRITE = Request("POST", "/rows", {"name": "Zoë"}, positions=(0, 1))
READ = Request("GET", "/rows")


def explain(answer):
    error = answer.document if isinstance(answer.document, dict) else {}
    return Problem(error.get("code", ""), error.get("message", ""), retry_after=retry_after(answer.headers))


def layer(url: str, *, timeout: float = 5, auth=None, allow_private: bool = True) -> Http:
    client = open_client(timeout, allow_private=allow_private)
    return Http(client, url, auth or bearer(TOKEN), explain, timeout=timeout)


@pytest.fixture
async def http(server: ScriptedServer):
    opened = layer(server.url)
    yield opened
    await opened.aclose()


async def test_a_write_goes_out_with_token_and_json(http, server):
    server.says(Say(201, {"id": 7}))
    answer = await http.write(WRITE)
    asked = server.asked[0]
    assert (answer.status, answer.document) == (201, {"id": 7})
    assert asked.document == {"name": "Zoë"}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["content-type"] == "application/json"


async def test_connections_are_kept_alive_between_calls(http, server):
    for _ in range(5):
        await http.write(WRITE)
    assert server.connections == 1


@pytest.mark.parametrize("told", [HANG_UP, Say(502), Say(504), Say(500, raw=b"<html>"), Say(408)])
async def test_a_write_that_may_have_arrived_is_uncertain(http, server, told):
    server.says(told)
    answer = await http.write(WRITE)
    assert answer.outcome() is OutcomeClass.UNCERTAIN
    assert len(server.asked) == 1, "a write is never repeated by itself"


async def test_a_silent_system_makes_a_write_uncertain(server):
    server.says(SILENCE)
    http = layer(server.url, timeout=0.2)
    answer = await http.write(WRITE)
    assert answer.outcome() is OutcomeClass.UNCERTAIN
    assert "no answer within 0.2 s" in answer.problem or "Timeout" in answer.problem
    await http.aclose()


async def test_a_refused_connection_means_nothing_was_sent():
    http = layer(f"http://127.0.0.1:{free_ports(1)[0]}")
    answer = await http.write(WRITE)
    assert answer.outcome() is OutcomeClass.UNAVAILABLE
    with pytest.raises(SystemUnavailable):
        await http.read(READ)
    await http.aclose()


async def test_an_unknown_host_means_nothing_was_sent():
    http = layer("http://no-such-host.invalid")
    assert (await http.write(WRITE)).outcome() is OutcomeClass.UNAVAILABLE
    await http.aclose()


async def test_a_failed_tls_handshake_means_nothing_was_sent(server):
    http = layer(server.url.replace("http://", "https://"), timeout=0.5)
    assert (await http.write(WRITE)).outcome() is OutcomeClass.UNAVAILABLE
    assert server.asked == []
    await http.aclose()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, OutcomeClass.UNAVAILABLE),
        (403, OutcomeClass.UNAVAILABLE),
        (429, OutcomeClass.UNAVAILABLE),
        (503, OutcomeClass.UNAVAILABLE),
        (302, OutcomeClass.UNAVAILABLE),
        (404, OutcomeClass.UNAVAILABLE),
        (405, OutcomeClass.UNAVAILABLE),
        (400, OutcomeClass.REJECTED),
        (409, OutcomeClass.CONFLICT),
        (412, OutcomeClass.CONFLICT),
        (423, OutcomeClass.RETRY),
        (500, OutcomeClass.RETRY),
    ],
)
async def test_the_status_of_a_write_is_classed(http, server, status, outcome):
    server.says(Say(status, {"code": "x"}))
    assert (await http.write(WRITE)).outcome() is outcome


@pytest.mark.parametrize("told", [HANG_UP, Say(503), Say(429, {"code": "slow"}, {"Retry-After": "0"})])
async def test_a_read_is_repeated_until_it_succeeds(http, server, told):
    server.says(told, told, Say(200, {"rows": []}))
    assert (await http.read(READ)).document == {"rows": []}
    assert len(server.asked) == 3


async def test_a_read_tells_how_long_to_wait_instead_of_waiting(http, server):
    server.says(Say(429, {"code": "slow", "message": "too fast"}, {"Retry-After": "90"}))
    with pytest.raises(SystemUnavailable) as caught:
        await http.read(READ)
    assert (caught.value.retry_after, caught.value.status, caught.value.code) == (90, 429, "slow")
    assert len(server.asked) == 1


async def test_a_refused_read_is_not_repeated(http, server):
    server.says(Say(400, {"code": "bad", "message": "no such field"}))
    with pytest.raises(SystemRefused, match="no such field"):
        await http.read(READ)
    assert len(server.asked) == 1


def test_retry_after_is_clamped_to_a_day():
    assert retry_after({"retry-after": "999999999"}) == 86_400
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "soon"}) is None


async def test_a_call_keeps_excerpts_without_secrets(http, server):
    server.says(Say(400, {"echo": TOKEN, "access_token": "something else", "pad": "x" * 5_000}))
    answer = await http.write(Request("POST", "/rows", {"password": "p", "name": "Zoë"}, positions=(3,)))
    (call,) = answer.calls
    assert (call.method, call.status, call.positions) == ("POST", 400, (3,))
    assert call.request == '{"password":"***","name":"Zoë"}'
    assert TOKEN not in call.response
    assert "something else" not in call.response
    assert len(call.response.encode()) <= 2_048
    assert call.ended_at >= call.started_at > 1_600_000_000_000_000


async def test_a_secret_across_the_cut_is_not_shown(http, server):
    server.says(Say(400, raw=b"x" * 2_040 + TOKEN.encode()))
    answer = await http.write(WRITE)
    assert TOKEN[:5] not in answer.calls[0].response


async def test_private_addresses_are_refused_unless_allowed(server):
    http = layer(server.url, allow_private=False)
    answer = await http.write(WRITE)
    assert answer.outcome() is OutcomeClass.UNAVAILABLE
    assert "private address 127.0.0.1" in answer.problem
    assert server.asked == []
    await http.aclose()


async def test_a_link_to_another_place_is_not_followed(http, server):
    with pytest.raises(SystemRefused, match="leads away"):
        await http.read(Request("GET", "http://elsewhere.example.com/rows?page=2"))
    await http.read(Request("GET", f"{server.url}/rows?page=2"))
    assert [asked.path for asked in server.asked] == ["/rows?page=2"]


def token_server(server: ScriptedServer, lifetime: int = 1_800, *, refuses: frozenset[str] = frozenset()):
    issued = []

    def script(asked):
        if asked.path == "/token":
            issued.append(asked.body.decode())
            return Say(200, {"access_token": f"token-number-{len(issued)}", "expires_in": lifetime})
        token = asked.headers["authorization"].removeprefix("Bearer ")
        return Say(401, {"code": "expired"}) if token in refuses else Say(200, {})

    server.script = script
    return issued


def oauth_layer(server: ScriptedServer) -> Http:
    client = open_client(5, allow_private=True)
    credentials = {"token_url": f"{server.url}/token", "client_id": "us", "client_secret": "their-secret"}
    auth = Auth(oauth2=ClientCredentials.model_validate(credentials))
    return Http(client, server.url, configured_auth(auth, partial(fetch_token, client)), explain, timeout=5)


async def test_one_token_serves_many_requests_at_once(server):
    issued = token_server(server)
    http = oauth_layer(server)
    answers = await asyncio.gather(*[http.write(WRITE) for _ in range(10)])
    assert [answer.status for answer in answers] == [200] * 10
    assert len(issued) == 1
    assert "grant_type=client_credentials" in issued[0]
    await http.aclose()


async def test_a_token_is_renewed_before_it_expires(server):
    issued = token_server(server, lifetime=0)
    http = oauth_layer(server)
    await http.write(WRITE)
    await http.write(WRITE)
    assert len(issued) == 2
    await http.aclose()


async def test_a_token_is_renewed_once_after_a_401(server):
    issued = token_server(server, refuses=frozenset({"token-number-1"}))
    http = oauth_layer(server)
    answers = await asyncio.gather(*[http.write(WRITE) for _ in range(5)])
    assert {answer.status for answer in answers} == {200}
    assert len(issued) == 2
    assert [call.status for call in answers[0].calls] == [401, 200]
    await http.aclose()


async def test_a_token_that_stays_refused_is_unavailable(server):
    token_server(server, refuses=frozenset({"token-number-1", "token-number-2"}))
    http = oauth_layer(server)
    answer = await http.write(WRITE)
    assert (answer.status, answer.outcome()) == (401, OutcomeClass.UNAVAILABLE)
    await http.aclose()


async def test_a_token_endpoint_that_refuses_is_unavailable(server):
    server.says(Say(400, {"error": "invalid_client", "client_secret": "their-secret"}))
    http = oauth_layer(server)
    answer = await http.write(WRITE)
    assert (answer.status, answer.outcome()) == (401, OutcomeClass.UNAVAILABLE)
    assert "invalid_client" in answer.problem
    assert "their-secret" not in answer.problem
    await http.aclose()
