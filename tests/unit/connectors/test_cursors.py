"""Where a poll goes on."""

from hypothesis import given
from hypothesis import strategies as st

from sync_system.connectors.cursors import Cursor, digest_of

SECOND = 1_000_000
OVERLAP = 5 * SECOND


def test_a_row_is_new_only_once():
    cursor = Cursor()
    row = {"id": "1", "name": "Ann"}
    assert cursor.first_sight(digest_of(row), 7 * SECOND)
    read_again = Cursor.loads(cursor.dumps())
    assert not read_again.first_sight(digest_of(row), 7 * SECOND)
    assert read_again.first_sight(digest_of({**row, "name": "Bea"}), 7 * SECOND)


def test_the_next_reading_overlaps_the_last():
    cursor = Cursor().moved(None, 100 * SECOND + 5, OVERLAP)
    assert (cursor.since, cursor.newest, cursor.page) == (95 * SECOND, 100 * SECOND + 5, None)


def test_a_listing_keeps_its_beginning_until_it_ends():
    cursor = Cursor(since=10 * SECOND).moved("page-2", 100 * SECOND, OVERLAP)
    assert (cursor.since, cursor.page) == (10 * SECOND, "page-2")
    assert cursor.moved(None, 90 * SECOND, OVERLAP).since == 95 * SECOND


def test_rows_out_of_reach_are_forgotten():
    cursor = Cursor()
    for second in range(100):
        cursor.first_sight(digest_of(second), second * SECOND)
    assert len(cursor.moved(None, 99 * SECOND, OVERLAP).seen) == 6


def test_an_empty_poll_stays_where_it_is():
    cursor = Cursor().moved(None, 100 * SECOND, OVERLAP)
    assert Cursor.loads(cursor.moved(None, None, OVERLAP).dumps()) == cursor


@given(st.dictionaries(st.binary(min_size=8, max_size=8), st.integers(0, 4_000_000_000), max_size=50))
def test_a_cursor_survives_being_stored(seen):
    milliseconds = {digest: at * 1_000 for digest, at in seen.items()}
    cursor = Cursor(since=5, page="next", newest=9, seen=milliseconds)
    assert Cursor.loads(cursor.dumps()) == cursor
