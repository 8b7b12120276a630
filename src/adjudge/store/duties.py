"""Duties: singular work of keepers, and how far it has come."""

import msgspec

from adjudge.store.connecting import Connection


async def cursor(connection: Connection, name: str) -> str | None:
    """Return how far the duty has come; None where it was never done."""
    text = await connection.fetchval("SELECT cursor FROM duty WHERE name = $1", name)
    return msgspec.json.decode(text, type=str) if text is not None else None


async def move(connection: Connection, name: str, to: str) -> None:
    """Record how far the duty has come."""
    await connection.execute(
        "INSERT INTO duty (name, owner, fence, until, cursor) VALUES ($1, '', 0, clock_timestamp(), $2) "
        "ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, fence = duty.fence + 1",
        name,
        msgspec.json.encode(to).decode(),
    )
