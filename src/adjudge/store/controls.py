"""Controls: switches above the revision, each with a generation."""

from adjudge.core.advance import Controls
from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope


async def read(connection: Connection, *, locked: bool = False) -> Controls:
    """Return what is in force; `locked`: it stays so until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT scope, generation, state FROM control WHERE org = 1 {'FOR SHARE' if locked else ''}"
    )
    off = frozenset(
        row["scope"].partition(":")[2] for row in rows if row["state"] == "off" and row["scope"].startswith("decider:")
    )
    return Controls(switched_off=off, generations={row["scope"]: row["generation"] for row in rows})


async def switch(connection: Connection, scope: Scope, decider: str, *, on: bool, reason: str) -> int:
    """Switch a decider on or off at once; return the new generation."""
    async with connection.transaction():
        generation: int = await connection.fetchval(
            """
            INSERT INTO control (org, scope, generation, state, reason, changed_by) VALUES ($1, $2, 1, $3, $4, $5)
            ON CONFLICT (org, scope) DO UPDATE SET generation = control.generation + 1, state = excluded.state,
                reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp()
            RETURNING generation
            """,
            scope.org,
            f"decider:{decider}",
            "on" if on else "off",
            reason,
            scope.principal,
        )
        await journal.write(connection, scope, "decider.switched", decider, on=on, reason=reason)
    return generation
