"""Paths are shown without what names a row."""

import pytest

from sync_system.telemetry.calls import path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://app.example.com/api/leads/bulk?after=7", "/api/leads/bulk"),
        ("https://app.example.com/api/leads/0198c0ffee00700080000000000000aa", "/api/leads/{id}"),
        ("https://api.example.com/crm/v3/objects/contacts/batch/upsert", "/crm/v3/objects/contacts/batch/upsert"),
        ("https://app.example.com/leads/ada@example.com/notes", "/leads/{id}/notes"),
        ("https://app.example.com/leads/ada%20l", "/leads/{id}"),
        ("https://app.example.com/leads/abc", "/leads/{id}"),
    ],
)
def test_path_is_shown_without_ids(url, path):
    assert path_of(url, frozenset({"abc"})) == path
