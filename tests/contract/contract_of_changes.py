"""What every connector that polls must do: report each change once, whatever happens between two readings."""

from contextlib import aclosing

from connector_harness import OBJECT, created, email_of, fresh, lead, new, written

from sync_system.connectors.protocol import Write


async def read_to_the_end(connector, cursor):
    """Return all changes since a cursor, and the cursor to go on from."""
    changes = []
    async for page in connector.changes(OBJECT, cursor):
        changes += page.changes
        cursor = page.cursor
    return changes, cursor


async def caught_up(connector):
    """Return a cursor behind all that has happened: a first reading may leave out rows that are deleted already."""
    _, cursor = await read_to_the_end(connector, None)
    return (await read_to_the_end(connector, cursor))[1]


class ChangesContract:
    """Reading what changed."""

    async def test_a_change_is_reported_once(self, connector, harness):
        cursor = await caught_up(connector)
        key, external_id = await created(connector, harness)
        first, cursor = await read_to_the_end(connector, cursor)
        again, _ = await read_to_the_end(connector, cursor)
        (change,) = [each for each in first if each.external_id == external_id]
        assert change.values[harness.names.email] == email_of(key)
        assert change.values[connector.facts(OBJECT).key_field] == key
        assert [each.external_id for each in again] == []

    async def test_every_new_version_of_a_row_is_reported(self, connector, harness):
        key, external_id = await created(connector, harness)
        cursor = await caught_up(connector)
        seen = []
        for text in ("one", "two", "three"):
            harness.agent_edits(external_id, {harness.names.note: text})
            changes, cursor = await read_to_the_end(connector, cursor)
            seen += [
                (each.values[harness.names.note], each.event_id) for each in changes if each.external_id == external_id
            ]
        assert [text for text, _ in seen] == ["one", "two", "three"]
        assert len({event_id for _, event_id in seen}) == 3
        await written(connector, Write(key, external_id, {harness.names.note: "four"}))
        changes, _ = await read_to_the_end(connector, cursor)
        assert [each.values[harness.names.note] for each in changes] == ["four"]

    async def test_many_rows_of_one_moment_are_all_reported_once(self, connector, harness):
        cursor = await caught_up(connector)
        name = fresh()
        ids = harness.agent_creates([lead(harness, f"{name}-{number}") for number in range(450)])
        changes, cursor = await read_to_the_end(connector, cursor)
        assert sorted(each.external_id for each in changes) == sorted(ids)
        again, _ = await read_to_the_end(connector, cursor)
        assert again == []

    async def test_an_interrupted_reading_goes_on_from_its_cursor(self, connector, harness):
        cursor = await caught_up(connector)
        name = fresh()
        ids = harness.agent_creates([lead(harness, f"{name}-{number}") for number in range(450)])
        seen = []
        async with aclosing(connector.changes(OBJECT, cursor)) as pages:
            while not seen:
                page = await anext(pages)
                seen, cursor = [change.external_id for change in page.changes], page.cursor
        assert len(seen) < len(ids)
        other = harness.connect()
        rest, _ = await read_to_the_end(other, cursor)
        await other.aclose()
        assert sorted([*seen, *(change.external_id for change in rest)]) == sorted(ids)

    async def test_rows_changed_while_they_are_read_are_not_missed(self, connector, harness):
        name = fresh()
        ids = harness.agent_creates([lead(harness, f"{name}-{number}") for number in range(450)])
        touched = (ids[0], ids[200], ids[-1])
        latest, cursor, edited = {}, None, False
        async for page in connector.changes(OBJECT, None):
            latest |= {change.external_id: change.values[harness.names.note] for change in page.changes}
            cursor = page.cursor
            for external_id in () if edited else touched:
                harness.agent_edits(external_id, {harness.names.note: "edited meanwhile"})
            edited = True
        changes, _ = await read_to_the_end(connector, cursor)
        latest |= {change.external_id: change.values[harness.names.note] for change in changes}
        assert set(ids) <= latest.keys()
        assert [latest[external_id] for external_id in touched] == ["edited meanwhile"] * 3

    async def test_all_rows_can_be_read(self, connector, harness):
        ids = {(await created(connector, harness))[1] for _ in range(3)}
        (gone,) = harness.agent_creates([lead(harness, fresh())])
        harness.agent_deletes(gone)
        rows = [row async for page in connector.rows(OBJECT) for row in page.rows]
        found = [row.external_id for row in rows]
        assert ids <= set(found)
        assert gone not in found
        assert len(found) == len(set(found))

    async def test_a_reading_of_all_rows_goes_on_from_a_page(self, connector, harness):
        ids = set(harness.agent_creates([lead(harness, fresh()) for _ in range(450)]))
        pages = [page async for page in connector.rows(OBJECT)]
        first, *_ = pages
        assert [page.next is None for page in pages] == [False] * (len(pages) - 1) + [True]
        rest = [row.external_id async for page in connector.rows(OBJECT, first.next) for row in page.rows]
        assert ids <= {*rest, *(row.external_id for row in first.rows)}
        assert not {row.external_id for row in first.rows} & set(rest)

    async def test_a_place_that_is_forgotten_begins_anew(self, connector, harness):
        all_of_them = [row.external_id async for page in connector.rows(OBJECT) for row in page.rows]
        again = [row.external_id async for page in connector.rows(OBJECT, "no such place") for row in page.rows]
        assert again == all_of_them

    async def test_the_cursor_stays_compact(self, connector, harness):
        cursor = await caught_up(connector)
        await connector.upsert(OBJECT, [new(harness) for _ in range(20)])
        changes, later = await read_to_the_end(connector, cursor)
        assert len(changes) == 20
        assert len(later) - len(cursor) <= 20 * 24
