"""The declarative connector against a scripted server: what it sends, and what it makes of the answers."""

import pytest
from scripted_server import HANG_UP, Say, ScriptedServer

from sync_system.connectors.cursors import Cursor
from sync_system.connectors.protocol import Lookup, Write
from sync_system.connectors.registry import SystemContext, SystemObject, connector_types
from sync_system.connectors.rest import REST
from sync_system.connectors.rest.settings import RestSettings
from sync_system.connectors.rest.shapes import RestObject
from sync_system.domain.fields import FieldType
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import SystemRefused

FIELDS = {
    "firstName": FieldType.TEXT,
    "email": FieldType.EMAIL,
    "budget": FieldType.DECIMAL,
    "home.city": FieldType.TEXT,
}
STORED = {"id": "1", "key": "k1", "etag": "e1", "updated_at": "2026-01-01T00:00:00.001Z", "firstName": "Ann"}


@pytest.fixture
async def connect(server: ScriptedServer):
    opened = []

    def build(**lead):
        settings = RestSettings.model_validate({"base_url": server.url, "auth": {"bearer": "secret-token"}})
        objects = {"lead": SystemObject(RestObject.model_validate(lead), FIELDS)}
        opened.append(REST.build(SystemContext("application", settings, objects, timeout=5, allow_private=True)))
        return opened[-1]

    yield build
    for connector in opened:
        await connector.aclose()


def ok(item):
    stored = {**STORED, **item["lead"]}
    return {
        "ok": True,
        "id": item.get("id") or f"row-{item['key']}",
        "created": "key" in item,
        "etag": "e2",
        "lead": stored,
    }


async def test_a_batch_goes_out_as_one_call(connect, server):
    server.script = lambda asked: Say(200, {"results": [ok(item) for item in asked.document["items"]]})
    writes = [Write("k1", None, {"firstName": "Ann"}), Write("k2", "7", {"firstName": None, "home.city": "Ulm"}, "e9")]
    delivered = await connect().upsert("lead", writes)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/leads/bulk")
    assert asked.document == {
        "items": [
            {"key": "k1", "lead": {"firstName": "Ann", "key": "k1"}},
            {"id": "7", "etag": "e9", "lead": {"firstName": None, "home": {"city": "Ulm"}, "key": "k2"}},
        ]
    }
    first, second = delivered.outcomes
    assert (first.outcome, first.external_id, first.created, first.etag) == (OutcomeClass.OK, "row-k1", True, "e1")
    assert (first.at, first.stored) == (1_767_225_600_001_000, {"firstName": "Ann"})
    assert (second.external_id, second.created, second.stored) == ("7", False, {"firstName": None, "home.city": "Ulm"})
    assert delivered.calls[0].positions == [0, 1]


async def test_results_that_cannot_be_told_apart_are_uncertain(connect, server):
    server.says(Say(200, {"results": []}))
    delivered = await connect().upsert("lead", [Write("k1", None, {}), Write("k2", None, {})])
    assert [outcome.outcome for outcome in delivered.outcomes] == [OutcomeClass.UNCERTAIN] * 2


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"code": "invalid", "message": "is no address", "field": "email"}, OutcomeClass.REJECTED),
        ({"code": "version_conflict", "message": "changed"}, OutcomeClass.CONFLICT),
        ({"code": "duplicate", "message": "exists", "existing_id": 9}, OutcomeClass.CONFLICT),
        ({"code": "locked", "message": "later"}, OutcomeClass.RETRY),
    ],
)
async def test_a_result_is_classed_by_its_code(connect, server, error, outcome):
    server.says(Say(200, {"results": [{"ok": False, "error": error}]}))
    (found,) = (await connect().upsert("lead", [Write("k1", None, {})])).outcomes
    assert (found.outcome, found.code) == (outcome, error["code"])
    assert found.existing_id == ("9" if "existing_id" in error else None)
    assert error["message"] in found.message


async def test_a_refused_batch_is_divided(connect, server):
    def script(asked):
        items = asked.document["items"]
        if any(item["key"] == "k3" for item in items):
            return Say(422, {"error": {"code": "invalid", "message": "bad", "field": "email"}})
        return Say(200, {"results": [ok(item) for item in items]})

    server.script = script
    delivered = await connect().upsert("lead", [Write(f"k{number}", None, {}) for number in range(6)])
    kinds = [outcome.outcome for outcome in delivered.outcomes]
    assert kinds == [OutcomeClass.REJECTED if place == 3 else OutcomeClass.OK for place in range(6)]
    assert delivered.outcomes[3].message == "email: bad"


async def test_a_wrong_address_is_no_records_fault(connect, server):
    server.says(Say(404, raw=b"not here"))
    delivered = await connect().upsert("lead", [Write("k1", None, {}), Write("k2", None, {})])
    assert {outcome.outcome for outcome in delivered.outcomes} == {OutcomeClass.UNAVAILABLE}
    assert len(server.asked) == 1


async def test_without_bulk_rows_are_written_one_by_one(connect, server):
    server.script = lambda asked: Say(201 if asked.method == "PUT" else 200, {**STORED, **asked.document})
    connector = connect(bulk=None, idempotency_header="Idempotency-Key")
    writes = [Write("k/../1", None, {"firstName": "Ann"}), Write("k2", "7", {"firstName": "Bea"}, "e9")]
    delivered = await connector.upsert("lead", writes)
    by_method = {asked.method: asked for asked in server.asked}
    assert by_method["PUT"].path == "/leads/k%2F%2E%2E%2F1"
    assert (by_method["PATCH"].path, by_method["PATCH"].headers["if-match"]) == ("/leads/by-id/7", "e9")
    assert by_method["PATCH"].document == {"firstName": "Bea", "key": "k2"}
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 2
    assert [(outcome.outcome, outcome.created) for outcome in delivered.outcomes] == [
        (OutcomeClass.OK, True),
        (OutcomeClass.OK, False),
    ]


async def test_a_lost_reply_is_uncertain_for_the_whole_batch(connect, server):
    server.says(HANG_UP)
    delivered = await connect().upsert("lead", [Write("k1", None, {}), Write("k2", None, {})])
    assert [outcome.outcome for outcome in delivered.outcomes] == [OutcomeClass.UNCERTAIN] * 2
    assert len(server.asked) == 1


async def test_decimals_are_numbers_where_asked_for(connect, server):
    server.script = lambda asked: Say(200, {"results": [ok(item) for item in asked.document["items"]]})
    await connect(decimals="number").upsert("lead", [Write("k1", None, {"budget": "12.5", "firstName": "7"})])
    assert server.asked[0].document["items"][0]["lead"] == {"budget": 12.5, "firstName": "7", "key": "k1"}


async def test_without_lookup_rows_are_read_one_by_one(connect, server):
    server.script = lambda asked: Say(200, STORED) if asked.path.endswith("/1") else Say(404, {})
    connector = connect(lookup=None)
    rows = await connector.lookup("lead", Lookup(ids=["1", "2"]))
    assert [(row.external_id, row.key, row.etag) for row in rows] == [("1", "k1", "e1")]
    with pytest.raises(SystemRefused):
        await connector.lookup("lead", Lookup(keys=["k1"]))
    assert connector.facts("lead").lookups == {"ids"}


def listing(rows, size, kind):
    """Serve a list of (id, second) rows in order of time, in pages of one of the kinds."""

    def script(asked):
        query = dict(pair.split("=") for pair in asked.path.partition("?")[2].split("&") if pair)
        since = int(query.get("updated_since", 0))
        found = [{"id": str(id), "updated_at": at} for id, at in sorted(rows, key=lambda row: row[1]) if at >= since]
        start = {"page": (int(query.get("at", 1)) - 1) * size}.get(kind, int(query.get("at", 0)))
        page, beyond = found[start : start + size], start + size
        more = beyond < len(found)
        address = f"/leads?updated_since={since}&at={beyond}"
        link = {"Link": f'<{address}>; rel="next", </leads>; rel="first"'} if more and kind == "link" else {}
        return Say(200, {"leads": page, "next": (address if kind == "next_url" else beyond) if more else None}, link)

    return script


@pytest.mark.parametrize("kind", ["cursor", "page", "offset", "link", "next_url", "keyset"])
@pytest.mark.parametrize("times", [[1, 2, 3, 4, 5, 6, 7], [4] * 7, []])
async def test_every_way_of_paging_reaches_every_row(connect, server, kind, times):
    rows = [(number, at) for number, at in enumerate(times, 1)]
    server.script = listing(rows, 3, kind)
    how = {"kind": kind, "param": "at", "next": "next", "size": 3}
    since = {"param": "updated_since", "format": "s"}
    connector = connect(list={"pagination": how, "updated_since": since}, row={"updated_at_format": "s"})
    cursor, seen = None, []
    for _ in range(2):
        async for page in connector.changes("lead", cursor):
            seen += [change.external_id for change in page.changes]
            cursor = page.cursor
        if _ == 0:
            rows.append((99, 8))
    assert seen == [str(number) for number in [*range(1, len(times) + 1), 99]]


async def test_deleted_rows_are_reported_as_such(connect, server):
    server.says(Say(200, {"leads": [{**STORED, "deleted_at": "2026-01-01T00:00:00.001Z"}], "next_cursor": None}))
    connector = connect()
    (page,) = [page async for page in connector.changes("lead", None)]
    assert [(change.verb, change.values) for change in page.changes] == [("deleted", {"firstName": "Ann", "key": "k1"})]
    assert [row async for page in connector.rows("lead") for row in page.rows] == []


async def test_a_link_that_leads_away_is_refused(connect, server):
    server.says(Say(200, {"leads": [], "next": "https://elsewhere.example.com/leads"}))
    connector = connect(list={"pagination": {"kind": "next_url", "next": "next"}})
    with pytest.raises(SystemRefused, match="leads away"):
        _ = [page async for page in connector.changes("lead", None)]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"upsert": {"path": "/leads/{external_id}"}}, "external_id"),
        ({"upsert": {"path": "leads"}}, "begins with /"),
        ({"bulk": {"maxsize": 5}}, "maxsize"),
        ({"bulk": {"max_size": "5"}}, "max_size"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        RestObject.model_validate(given)


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"bearer": "t0ken"}, ("authorization", "Bearer t0ken")),
        ({"basic": {"username": "ann", "password": "pw"}}, ("authorization", "Basic YW5uOnB3")),
        ({"header": {"name": "X-Api-Key", "value": "k3y"}}, ("x-api-key", "k3y")),
    ],
)
async def test_every_kind_of_proof_reaches_the_system(server, auth, header):
    settings = RestSettings.model_validate({"base_url": server.url, "auth": auth})
    objects = {"lead": SystemObject(RestObject(), FIELDS)}
    connector = REST.build(SystemContext("application", settings, objects, timeout=5, allow_private=True))
    server.says(
        Say(200, {"fields": [{"name": "email", "type": "text", "max_length": 9, "options": ["a"], "required": True}]})
    )
    (info,) = await connector.describe("lead")
    assert (info.name, info.max_length, info.options, info.required) == ("email", 9, ["a"], True)
    assert server.asked[0].headers[header[0]] == header[1]
    await connector.aclose()


def test_only_one_kind_of_proof_is_taken():
    with pytest.raises(ValueError, match="exactly one"):
        RestSettings.model_validate({"base_url": "https://a.example.com", "auth": {"bearer": "x", "header": None}})


async def test_a_row_that_appears_late_is_still_reported(connect, server):
    rows = [(1, 100), (2, 107)]
    server.script = listing(rows, 3, "cursor")
    how = {"kind": "cursor", "param": "at", "next": "next", "size": 3}
    since = {"param": "updated_since", "format": "s"}
    connector = connect(list={"pagination": how, "updated_since": since}, row={"updated_at_format": "s"})
    cursor, seen = None, []
    for late in ((3, 103), (4, 105), None):
        async for page in connector.changes("lead", cursor):
            seen += [change.external_id for change in page.changes]
            cursor = page.cursor
        rows += [late] if late else []
    assert seen == ["1", "2", "3", "4"]


async def test_a_forgotten_place_is_read_again_from_the_beginning(connect, server):
    def script(asked):
        if "cursor=stale" in asked.path:
            return Say(400, {"error": {"code": "bad_request", "message": "no such cursor"}})
        return Say(200, {"leads": [STORED], "next_cursor": None})

    server.script = script
    connector = connect()
    (page,) = [page async for page in connector.changes("lead", Cursor(page="stale").dumps())]
    assert [change.external_id for change in page.changes] == ["1"]


def test_the_built_in_kinds_are_registered():
    kinds = connector_types()
    assert {"rest", "hubspot"} <= kinds.keys()
    for kind in (kinds["rest"], kinds["hubspot"]):
        for model in (kind.settings, kind.object_settings):
            properties = model.model_json_schema()["properties"]
            assert all("description" in property for property in properties.values())
