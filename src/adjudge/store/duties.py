"""Duties: singular work of keepers, and how far it has come."""

import msgspec

from adjudge.store.connecting import Connection


async def advance(connection: Connection, name: str, to: str) -> bool:
    """Record how far the duty has come; return whether this call moved it on from somewhere else."""
    fence: int | None = await connection.fetchval(
        "INSERT INTO duty (name, owner, fence, until, cursor) VALUES ($1, '', 0, clock_timestamp(), $2) "
        "ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, fence = duty.fence + 1 "
        "WHERE duty.cursor IS DISTINCT FROM excluded.cursor RETURNING fence",
        name,
        msgspec.json.encode(to).decode(),
    )
    return bool(fence)


async def reached(connection: Connection, name: str) -> str | None:
    """Return how far the duty has come, as it was recorded; None: it has never been done."""
    cursor: str | None = await connection.fetchval("SELECT cursor #>> '{}' FROM duty WHERE name = $1", name)
    return cursor
