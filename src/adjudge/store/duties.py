"""Duties: singular work of keepers, and how far it has come."""

from datetime import timedelta

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


# Whoever has it, or finds it free, goes on; the row stays locked until the transaction ends, so that what is written
# in it is written by whom it belongs to.
HOLD = """
    INSERT INTO duty (name, owner, fence, until) VALUES ($1, $2, 1, clock_timestamp() + $3::interval)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until,
        fence = duty.fence + CASE WHEN duty.owner = excluded.owner THEN 0 ELSE 1 END
    WHERE duty.owner = excluded.owner OR duty.until < clock_timestamp()
    RETURNING fence
"""


async def hold(connection: Connection, name: str, owner: str, lasting: timedelta) -> bool:
    """Take or keep a duty that one keeper has at a time; return whether it is this owner's in this transaction."""
    return await connection.fetchval(HOLD, name, owner, lasting) is not None
