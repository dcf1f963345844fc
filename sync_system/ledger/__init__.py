"""The memory of the sync: every event, record, link, transaction and attempt, in SQLite or PostgreSQL."""
