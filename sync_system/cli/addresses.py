"""Where broker and database are, as they may be shown: without users and passwords."""

from urllib.parse import urlsplit

from sync_system.ledger.database import Database

AMQP_PORT, AMQPS_PORT, POSTGRES_PORT = 5672, 5671, 5432


def broker_address(url: str) -> str:
    """Return host and port of an AMQP URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (AMQPS_PORT if parts.scheme == 'amqps' else AMQP_PORT)}"


def database_address(db: Database) -> str:
    """Return a SQLite file's name, or host, port and name of a database."""
    if db.sqlite:
        return db.url.database or ":memory:"
    return f"{db.url.host}:{db.url.port or POSTGRES_PORT}/{db.url.database}"
