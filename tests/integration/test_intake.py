"""What is taken in: each event once, each person once, what cannot be read alone and with its reason."""

import asyncio
import gc
import uuid

import pytest

from sync_system.services.clock import now
from tests.integration.installation import SECOND, Statements, contact, document, email, fresh, phone, told

RECORDS = "SELECT count(*) FROM records"


def lead(**more):
    """Return an application's row that says it carries no key of ours."""
    return {"key": None, "email": email(), "firstName": "Asha", "stage": "N"} | more


async def test_repeated_event_is_taken_once(installation):
    body = told("application", fresh(), lead())
    first = await installation.take("application", body, told("application", fresh(), lead()), body)
    again = await installation.take("application", body)
    assert (dict(first.taken.outcomes), dict(again.taken.outcomes)) == ({"accepted": 2}, {})
    assert await installation.one("SELECT count(*) FROM events") == 2
    assert await installation.one("SELECT sum(count) FROM counters WHERE name = 'repeated'") == 2


async def test_same_event_by_two_workers_is_taken_once(installation):
    bodies = [told("application", fresh(), lead()) for _ in range(50)]
    workers = [installation.core, installation.another(), installation.another()]
    await asyncio.gather(*(core.ingest().take("application", bodies) for core in workers))
    assert await installation.one("SELECT count(*) FROM events") == 50
    assert await installation.one(RECORDS) == 50


async def test_same_person_from_both_sides_at_once_is_one_record(installation):
    people = [(email(), phone()) for _ in range(40)]
    ours = [told("application", fresh(), lead(email=e, phone=p)) for e, p in people]
    theirs = [told("crm", fresh(), contact(email=e, phone=p)) for e, p in reversed(people)]
    other = installation.another()
    await asyncio.gather(
        *(installation.take("application", *ours[i : i + 10]) for i in range(0, 40, 10)),
        *(other.ingest().take("crm", theirs[i : i + 10]) for i in range(0, 40, 10)),
    )
    assert await installation.one(RECORDS) == 40
    assert await installation.rows("SELECT DISTINCT count(*) FROM links GROUP BY record") == [2]
    assert await installation.one("SELECT count(*) FROM matches") == 80


async def test_partial_update_changes_only_what_it_names(installation):
    row, data = fresh(), lead(city="Pune")
    await installation.take("application", told("application", row, data))
    await installation.take("application", told("application", row, {"firstName": "Usha"}, verb="updated"))
    assert document(await installation.one("SELECT fields FROM records")) == {
        "email": data["email"],
        "first_name": "Usha",
        "status": "new",
        "city": "Pune",
    }


UNREADABLE = {
    "not JSON": b"no JSON at all",
    "message: Input should be an object": b'["a list"]',
    "subject: Field required": b'{"specversion": "1.0", "id": "1", "source": "application", "type": "lead.created"}',
    "specversion: Input should be '1.0'": b'{"specversion": "0.3"}',
    "source 'shop' does not fit the queue of 'application'": told("shop", "1", {"email": "a@example.com"}),
    "unknown object 'invoice'": told("application", "1", {}, object="invoice"),
    "data.email: expected text, got a list": told("application", "1", {"email": ["a@example.com"]}),
    "data.email: is not an email address": told("application", "1", {"email": "no address"}),
    "data.stage: 'Z' is not mapped to a value of status": told("application", "1", {"stage": "Z"}),
    "data.exhibition: has 121 characters, 120 are allowed": told("application", "1", {"exhibition": "x" * 121}),
    "data.firstName: contains a NUL character": told("application", "1", {"firstName": "a\x00b"}),
}


async def test_unreadable_messages_are_rejected_alone(installation):
    good = [told("application", fresh(), lead()) for _ in range(len(UNREADABLE) + 1)]
    mixed = [body for pair in zip(good, UNREADABLE.values(), strict=False) for body in pair] + good[-1:]
    ingested = await installation.take("application", *mixed)
    assert dict(ingested.taken.outcomes) == {"accepted": len(good)}
    for reason, refused in zip(UNREADABLE, ingested.rejected, strict=True):
        assert reason in refused.reason
    kept = await installation.rows("SELECT id, error FROM events WHERE outcome = 'invalid'")
    assert sorted(kept) == sorted((refused.id, refused.reason) for refused in ingested.rejected)


async def test_message_rejected_twice_is_one_row(installation):
    for _ in range(2):
        ingested = await installation.take("application", b"no JSON")
        assert len(ingested.rejected) == 1
    assert await installation.one("SELECT count(*) FROM events") == 1


async def test_rejected_row_keeps_what_arrived(installation):
    await installation.take("application", b"not\xffJSON")
    payload = await installation.one("SELECT payload FROM events WHERE outcome = 'invalid'")
    assert document(payload) == {"body": "not�JSON"}


async def test_event_of_a_rejected_id_is_taken_when_mended(installation):
    row, event_id = fresh(), uuid.uuid4().hex
    await installation.take("application", told("application", row, {"email": "wrong"}, id=event_id))
    mended = await installation.take("application", told("application", row, lead(), id=event_id))
    assert dict(mended.taken.outcomes) == {"accepted": 1}


@pytest.mark.parametrize("by", ["email", "phone"])
async def test_row_is_recognised_by_its_match_value(installation, by):
    value = email() if by == "email" else phone()
    written = value.upper() if by == "email" else f"0{value[3:8]} {value[8:]}"
    await installation.take("application", told("application", fresh(), {"key": None, by: value}))
    taken = await installation.take("crm", told("crm", "501", contact(firstname="Asha", **{by: written})))
    record = await installation.one("SELECT id FROM records")
    assert (dict(taken.taken.outcomes), await installation.linked(record, "crm")) == ({"accepted": 1}, "501")


async def test_row_is_recognised_by_our_key(installation):
    await installation.take("application", told("application", fresh(), lead()))
    record = await installation.one("SELECT id FROM records")
    await installation.take("crm", told("crm", "501", contact(record, email=email())))
    assert await installation.linked(record, "crm") == "501"


async def test_key_wins_over_match_value(installation):
    one, two = lead(), lead()
    await installation.take("application", told("application", "1", one), told("application", "2", two))
    record = await installation.one("SELECT record FROM links WHERE external_id = '1'")
    await installation.take("crm", told("crm", "501", contact(record, email=two["email"])))
    assert await installation.linked(record, "crm") == "501"


async def test_second_row_of_a_person_is_held(installation):
    data = lead()
    await installation.take("application", told("application", "1", data))
    taken = await installation.take("application", told("application", "2", data))
    assert dict(taken.taken.outcomes) == {"held": 1}
    record = await installation.one("SELECT id FROM records")
    [(row, candidates, reason)] = await installation.rows("SELECT external_id, candidates, reason FROM held")
    assert (row, document(candidates)) == ("2", [record])
    assert "another row in this system" in reason
    assert await installation.rows("SELECT external_id FROM links") == ["1"]


async def test_row_between_two_people_is_held(installation):
    mail, number = email(), phone()
    await installation.take(
        "application",
        told("application", "1", lead(email=mail)),
        told("application", "2", lead(phone=number)),
    )
    taken = await installation.take("crm", told("crm", "501", contact(email=mail, phone=number)))
    assert dict(taken.taken.outcomes) == {"held": 1}
    assert len(document(await installation.one("SELECT candidates FROM held"))) == 2
    assert await installation.rows("SELECT record FROM links WHERE system = 'crm'") == []


async def test_held_row_joins_once_the_way_is_free(installation):
    data = lead()
    await installation.take("application", told("application", "1", data))
    await installation.take("application", told("application", "2", data))
    changed = told(
        "application", "2", {"key": None, "email": email(), "phone": None}, verb="updated", at=now() + SECOND
    )
    taken = await installation.take("application", changed)
    assert dict(taken.taken.outcomes) == {"accepted": 1}
    assert await installation.rows("SELECT external_id FROM held") == []
    assert sorted(await installation.rows("SELECT external_id FROM links")) == ["1", "2"]


async def test_report_without_values_becomes_one_look(installation):
    for _ in range(3):
        await installation.take("crm", told("crm", "501", None))
    assert await installation.rows("SELECT external_id FROM looks") == ["501"]
    assert await installation.one(RECORDS) == 0


async def test_edit_that_overtakes_its_creation_makes_nobody_without_a_name(installation, application):
    mail = email()
    [row] = application.create([{"email": mail, "firstName": "Asha"}])
    taken = await installation.take(
        "application", told("application", row, {"city": "Pune", "key": None}, verb="updated")
    )
    assert (dict(taken.taken.outcomes), await installation.one(RECORDS)) == ({"look": 1}, 0)
    await installation.core.looks().look("application")
    assert document(await installation.one("SELECT fields FROM records"))["email"] == mail


async def test_merged_row_hands_its_link_on(installation):
    await installation.take("crm", told("crm", "501", contact(email=email())))
    record = await installation.one("SELECT id FROM records")
    await installation.take("crm", told("crm", "501", None, verb="merged", into="502", at=now() + SECOND))
    assert await installation.linked(record, "crm") == "502"
    assert bool(await installation.one("SELECT verify FROM links WHERE system = 'crm'")) is True


async def test_merge_into_another_records_row_is_held(installation):
    await installation.take(
        "crm", told("crm", "501", contact(email=email())), told("crm", "502", contact(email=email()))
    )
    await installation.take("crm", told("crm", "501", None, verb="merged", into="502", at=now() + SECOND))
    held = await installation.one("SELECT candidates FROM held WHERE external_id = '501'")
    assert sorted(document(held)) == sorted(await installation.rows("SELECT id FROM records"))
    assert await installation.one("SELECT deleted_at FROM links WHERE external_id = '501'") is not None


async def test_deleted_row_leaves_a_tombstone(installation):
    row, data = fresh(), lead()
    await installation.take("application", told("application", row, data))
    await installation.take("application", told("application", row, None, verb="deleted", at=now() + SECOND))
    assert await installation.one("SELECT deleted_at FROM links WHERE system = 'application'") is not None
    assert await installation.one("SELECT deleted_at FROM records") is None


async def test_edit_elsewhere_recreates_no_deleted_row(installation):
    data = lead()
    await installation.take("application", told("application", "1", data))
    await installation.take("crm", told("crm", "501", contact(email=data["email"], firstname="Asha")))
    await installation.take("application", told("application", "1", None, verb="deleted", at=now() + SECOND))
    before = await installation.states("application")
    edit = told("crm", "501", contact(email=data["email"], city="Pune"), verb="updated", at=now() + 2 * SECOND)
    taken = await installation.take("crm", edit)
    assert dict(taken.taken.outcomes) == {"accepted": 1}
    assert await installation.states("application") == before


async def test_delete_of_an_unknown_row_changes_nothing(installation):
    taken = await installation.take("application", told("application", fresh(), None, verb="deleted"))
    assert dict(taken.taken.outcomes) == {"stale": 1}
    assert await installation.one(RECORDS) == 0


async def test_object_of_our_own_is_synced(install):
    seminar = {"fields": {"title": {"type": "text"}, "seats": {"type": "integer"}}, "match": [["title"]]}
    route = {"fields": {"title": "title", "seats": "seats"}}
    venue = {"connector": "rest", "base_url": "http://127.0.0.1:1", "allow_private": True, "seminar": route}
    installation = install(objects={"seminar": seminar}, systems={"application": {"seminar": route}, "venue": venue})
    taken = await installation.take(
        "application", told("application", "1", {"key": None, "title": "Pricing", "seats": "40"}, object="seminar")
    )
    assert (dict(taken.taken.outcomes), taken.taken.destinations) == ({"accepted": 1}, {"venue"})
    object, fields = await installation.one("SELECT object, fields FROM records")
    assert (object, document(fields)) == ("seminar", {"title": "Pricing", "seats": 40})


async def test_fields_and_objects_of_the_same_row_id_stay_apart(install):
    seminar = {"fields": {"title": {"type": "text"}}}
    installation = install(
        objects={"seminar": seminar}, systems={"application": {"seminar": {"fields": {"title": "title"}}}}
    )
    await installation.take(
        "application",
        told("application", "1", lead()),
        told("application", "1", {"key": None, "title": "Pricing"}, object="seminar"),
    )
    assert sorted(await installation.rows("SELECT object FROM records")) == ["lead", "seminar"]


async def test_waiting_transaction_absorbs_further_edits(installation):
    row = fresh()
    await installation.take("application", told("application", row, lead()))
    for number in range(50):
        edit = told("application", row, {"city": f"City {number}"}, verb="updated", at=now() + number)
        await installation.take("application", edit)
    assert await installation.states("crm") == ["pending"]


async def test_batch_of_creates_takes_few_statements(installation):
    bodies = [told("application", fresh(), lead(phone=phone())) for _ in range(200)]
    await installation.take("application", told("application", fresh(), lead()))
    with Statements(installation.core) as counted:
        await installation.take("application", *bodies)
    assert len(counted.statements) <= 12, counted.statements
    assert counted.commits == 1


async def test_counters_equal_a_recount_of_events(installation):
    data = lead()
    await installation.take(
        "application",
        told("application", "1", data),
        told("application", "2", data),
        told("application", "3", lead()),
        b"no JSON",
    )
    await installation.take("application", told("application", "1", {"stage": "C"}, verb="updated", at=now() + SECOND))
    await installation.take("crm", told("crm", "501", contact(email=data["email"])), told("crm", "502", None))
    counted = "SELECT system, value, sum(count) FROM counters WHERE name = 'received' GROUP BY system, value"
    recounted = "SELECT source, outcome, count(*) FROM events GROUP BY source, outcome"
    assert sorted(await installation.rows(counted)) == sorted(await installation.rows(recounted))
    states = "SELECT system, value, sum(count) FROM counters WHERE name = 'state' GROUP BY system, value"
    standing = "SELECT destination, state, count(*) FROM transactions GROUP BY destination, state"
    assert sorted(await installation.rows(states)) == sorted(await installation.rows(standing))


async def test_batch_that_is_cancelled_locks_nobody_out(installation):
    gc.disable()  # a connection that is closed in the midst keeps SQLite's lock until it is collected
    try:
        for moment in range(30):
            bodies = [told("application", fresh(), lead()) for _ in range(20)]
            taking = asyncio.create_task(installation.take("application", *bodies))
            await asyncio.sleep(moment / 1_500)
            taking.cancel()
            await asyncio.wait([taking])
            async with asyncio.timeout(10):
                await installation.take("application", told("application", fresh(), lead()))
    finally:
        gc.enable()
    assert await installation.one(RECORDS) >= 30
