"""Another installation: the same database without its rows."""

import asyncpg


async def emptied(connection: asyncpg.Connection) -> None:
    """Remove all decisions, past the triggers that forbid it."""
    await connection.execute("SET session_replication_role = replica")
    for table in ("decision", "evidence", "outcome", "vote", "label"):
        await connection.execute(f"DELETE FROM {table}")
    await connection.execute("SET session_replication_role = origin")
