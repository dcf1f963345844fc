"""What every connector must do when all goes well; a class of tests that each connector's test file inherits."""

import unicodedata
import uuid

import pytest
from connector_harness import OBJECT, classes, created, email_of, fresh, lead, new, written

from sync_system.connectors.protocol import Lookup, Write
from sync_system.connectors.times import now
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import WebhookRefused

OK, REJECTED, CONFLICT = OutcomeClass.OK, OutcomeClass.REJECTED, OutcomeClass.CONFLICT
A_DAY = 86_400_000_000
TEXTS = [
    "Zoë Müller",
    "王小明",
    "عمر",
    "🙂 👩‍👩‍👧",
    unicodedata.normalize("NFD", "é"),
    'a "quoted" \\ line\nand another',
]


class ConnectorContract:
    """Writing, reading and proving."""

    async def test_a_new_row_gets_an_id_and_a_time(self, connector, harness):
        write = new(harness)
        (outcome,) = await written(connector, write)
        facts = connector.facts(OBJECT)
        assert (outcome.outcome, outcome.created) == (OK, True)
        assert outcome.external_id
        assert not facts.stamps or abs(outcome.at - now()) < A_DAY
        assert not facts.tells_stored or outcome.stored[harness.names.email] == write.values[harness.names.email]

    async def test_a_linked_row_is_updated_by_its_id(self, connector, harness):
        key, external_id = await created(connector, harness)
        (outcome,) = await written(connector, Write(key, external_id, {harness.names.first: "Bea"}))
        (row,) = await connector.lookup(OBJECT, Lookup(ids=[external_id]))
        assert (outcome.outcome, outcome.external_id) == (OK, external_id)
        assert outcome.created is not True
        assert row.values[harness.names.first] == "Bea"
        assert row.values[harness.names.email] == email_of(key), "what was not sent is not touched"

    async def test_a_null_clears_a_value(self, connector, harness):
        key, external_id = await created(connector, harness, note="to be cleared")
        (outcome,) = await written(connector, Write(key, external_id, {harness.names.note: None}))
        (row,) = await connector.lookup(OBJECT, Lookup(ids=[external_id]))
        assert outcome.outcome is OK
        assert row.values.get(harness.names.note) is None

    @pytest.mark.parametrize("text", TEXTS)
    async def test_text_comes_back_as_it_was_sent(self, connector, harness, text):
        _, external_id = await created(connector, harness, note=text)
        (row,) = await connector.lookup(OBJECT, Lookup(ids=[external_id]))
        assert unicodedata.normalize("NFC", row.values[harness.names.note]) == unicodedata.normalize("NFC", text)

    async def test_the_same_write_twice_makes_one_row(self, connector, harness):
        write = new(harness)
        (first,) = await written(connector, write)
        (second,) = await written(connector, write)
        assert (first.external_id, second.outcome) == (second.external_id, OK)
        assert second.created is not True
        assert harness.count(harness.names.email, email_of(write.key)) == 1

    async def test_a_row_may_come_twice_in_a_batch(self, connector, harness):
        write = new(harness)
        later = Write(write.key, None, {harness.names.first: "Later"})
        outcomes = await written(connector, write, later)
        assert classes(outcomes) == [OK, OK]
        assert outcomes[0].external_id == outcomes[1].external_id
        (row,) = await connector.lookup(OBJECT, Lookup(ids=[outcomes[0].external_id]))
        assert row.values[harness.names.first] == "Later"

    async def test_a_bad_record_fails_alone_in_its_place(self, connector, harness):
        _, linked = await created(connector, harness)
        writes = [new(harness) for _ in range(6)]
        writes[2] = Write(fresh(), None, {harness.names.email: "nobody", harness.names.first: "Ann"})
        writes[4] = Write(fresh(), linked, {harness.names.first: "Linked"})
        delivered = await connector.upsert(OBJECT, writes)
        assert classes(delivered.outcomes) == [OK, OK, REJECTED, OK, OK, OK]
        assert harness.names.email in delivered.outcomes[2].message
        assert delivered.outcomes[4].external_id == linked
        ids = [delivered.outcomes[place].external_id for place in (0, 1, 3, 5)]
        rows = {row.external_id: row for row in await connector.lookup(OBJECT, Lookup(ids=ids))}
        for place, external_id in zip((0, 1, 3, 5), ids, strict=True):
            assert rows[external_id].key == writes[place].key

    async def test_a_full_batch_is_written_in_order(self, connector, harness):
        writes = [new(harness) for _ in range(connector.facts(OBJECT).batch)]
        delivered = await connector.upsert(OBJECT, writes)
        ids = [outcome.external_id for outcome in delivered.outcomes]
        keys = {row.external_id: row.key for row in await connector.lookup(OBJECT, Lookup(ids=ids[:100]))}
        assert set(classes(delivered.outcomes)) == {OK}
        assert [keys[external_id] for external_id in ids[:100]] == [write.key for write in writes[:100]]

    async def test_an_adopted_row_gets_our_key(self, connector, harness):
        name = fresh()
        (external_id,) = harness.agent_creates([lead(harness, name)])
        (before,) = await connector.lookup(OBJECT, Lookup(ids=[external_id]))
        (outcome,) = await written(connector, Write(name, external_id, {harness.names.first: "Bea"}))
        (after,) = await connector.lookup(OBJECT, Lookup(keys=[name]))
        assert (before.key, outcome.outcome) == (None, OK)
        assert (after.external_id, after.key) == (external_id, name)

    async def test_a_key_that_another_row_has_is_a_conflict(self, connector, harness):
        taken, owner = await created(connector, harness)
        (other,) = harness.agent_creates([lead(harness, fresh())])
        outcomes = await written(connector, Write(taken, other, {harness.names.first: "Bea"}), new(harness))
        assert classes(outcomes) == [CONFLICT, OK]
        assert outcomes[0].existing_id == owner

    async def test_rows_are_found_by_id_key_and_value(self, connector, harness):
        pairs = [await created(connector, harness) for _ in range(3)]
        keys, ids = [key for key, _ in pairs], [external_id for _, external_id in pairs]
        by_id = await connector.lookup(OBJECT, Lookup(ids=[*ids, "999999999"]))
        by_key = await connector.lookup(OBJECT, Lookup(keys=[*keys, "no-such-key"]))
        matches = {harness.names.email: [*map(email_of, keys), "nobody@example.org"]}
        by_value = await connector.lookup(OBJECT, Lookup(matches=matches))
        for rows in (by_id, by_key, by_value):
            assert {row.external_id: row.key for row in rows} == dict(zip(ids, keys, strict=True))
        assert all(row.values[harness.names.first] == "Ann" for row in by_id)
        assert all(abs(row.at - now()) < A_DAY for row in by_id)

    async def test_other_values_than_emails_are_found(self, connector, harness):
        number = f"+91{uuid.uuid4().int % 10**10:010}"
        _, external_id = await created(connector, harness, phone=number)
        rows = await connector.lookup(OBJECT, Lookup(matches={harness.names.phone: [number, "+910000000000"]}))
        assert [row.external_id for row in rows] == [external_id]

    async def test_deleting_twice_is_deleting_once(self, connector, harness):
        assert connector.facts(OBJECT).deletes
        _, external_id = await created(connector, harness)
        first = await connector.delete(OBJECT, [external_id])
        again = await connector.delete(OBJECT, [external_id])
        assert classes([*first.outcomes, *again.outcomes]) == [OK, OK]
        rows = await connector.lookup(OBJECT, Lookup(ids=[external_id]))
        assert [row for row in rows if not row.deleted] == []

    async def test_a_deleted_row_is_not_written(self, connector, harness):
        key, external_id = await created(connector, harness)
        await connector.delete(OBJECT, [external_id])
        gone, well = await written(connector, Write(key, external_id, {harness.names.first: "Bea"}), new(harness))
        assert (gone.outcome, well.outcome) == (REJECTED, OK)

    async def test_a_write_bound_to_an_old_version_is_a_conflict(self, connector, harness):
        write = new(harness)
        (first,) = await written(connector, write)
        if not connector.facts(OBJECT).conditional:
            assert first.etag is None
            return
        change = {harness.names.first: "Bea"}
        (second,) = await written(connector, Write(write.key, first.external_id, change, first.etag))
        (stale,) = await written(
            connector, Write(write.key, first.external_id, {harness.names.first: "Cy"}, first.etag)
        )
        (row,) = await connector.lookup(OBJECT, Lookup(ids=[first.external_id]))
        assert (second.outcome, stale.outcome) == (OK, CONFLICT)
        assert (row.values[harness.names.first], row.etag) == ("Bea", second.etag)

    async def test_the_system_describes_its_fields(self, connector, harness):
        fields = {field.name: field for field in await connector.describe(OBJECT)}
        assert {harness.names.email, harness.names.first, harness.names.note} <= fields.keys()
        assert connector.facts(OBJECT).key_field in fields

    async def test_calls_are_told_without_secrets(self, connector, harness):
        writes = [new(harness) for _ in range(3)]
        delivered = await connector.upsert(OBJECT, writes)
        assert {place for call in delivered.calls for place in call.positions} == {0, 1, 2}
        for call in delivered.calls:
            assert harness.token not in f"{call}"
            assert call.started_at <= call.ended_at
            assert len(call.request.encode()) <= 2_048
            assert len(call.response.encode()) <= 2_048

    async def test_a_webhook_rightly_signed_is_read(self, connector, harness):
        (change,) = connector.parse_webhook(OBJECT, harness.webhook("4711"))
        assert change.external_id == "4711"
        assert change.event_id

    async def test_a_webhook_wrongly_signed_is_refused(self, connector, harness):
        right = harness.webhook("4711")
        later = right.at + 3_600_000_000
        for wrong in (
            {"body": right.body + b" "},
            {"headers": {}},
            {"at": later},
            {"headers": {name: value[:-4] + "AAA=" for name, value in right.headers.items()}},
        ):
            fields = {
                "method": right.method,
                "url": right.url,
                "headers": right.headers,
                "body": right.body,
                "at": right.at,
            }
            with pytest.raises(WebhookRefused):
                connector.parse_webhook(OBJECT, type(right)(**(fields | wrong)))
