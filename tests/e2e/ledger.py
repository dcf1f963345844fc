"""Questions to the ledger of a running stack."""

import asyncio
from typing import Any

from sqlalchemy import text

from sync_system.ledger.database import Database
from sync_system.sandbox.stack import Stack


def ask(stack: Stack, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows that a query comes to."""

    async def read() -> list[tuple[Any, ...]]:
        db = Database(stack.database)
        try:
            async with db.read() as sql:
                return [tuple(row) for row in await sql.execute(text(query), values)]
        finally:
            await db.aclose()

    return asyncio.run(read())


def number(stack: Stack, query: str, **values: Any) -> int:
    """Return the one number that a query comes to."""
    [[found]] = ask(stack, query, **values)
    return int(found)


def story(stack: Stack, email: str, destination: str) -> list[tuple[str, int]]:
    """Return state and charged attempts of the transactions of a person to a system, the oldest first."""
    query = """
        SELECT t.state, t.attempts FROM transactions t JOIN matches m ON m.record = t.record
        WHERE m.field = 'email' AND m.value = :email AND t.destination = :destination ORDER BY t.id"""
    return [(state, attempts) for state, attempts in ask(stack, query, email=email, destination=destination)]


def errors(stack: Stack, email: str) -> list[str]:
    """Return what the open transactions of a person say is wrong."""
    query = """
        SELECT t.error FROM transactions t JOIN matches m ON m.record = t.record
        WHERE m.field = 'email' AND m.value = :email AND t.state IN ('failed', 'parked')"""
    return [error for (error,) in ask(stack, query, email=email)]
