"""Learnt parameters: numbered snapshots, never changed in place, so that a replay finds those of its time."""

from collections.abc import Sequence

from msgspec.json import encode

from adjudge.store.connecting import Connection

PUBLISH = """
    INSERT INTO parameter_snapshot (kind, number, body)
    SELECT $1, coalesce(max(number), 0) + 1, $2 FROM parameter_snapshot WHERE org = 1 AND kind = $1
    RETURNING number
"""


async def publish(connection: Connection, kind: str, body: object) -> int:
    """Publish the next snapshot; return its number."""
    number: int = await connection.fetchval(PUBLISH, kind, encode(body).decode())
    return number


async def of(connection: Connection, kind: str, numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Return snapshots with their numbers."""
    rows = await connection.fetch(
        "SELECT number, body::text FROM parameter_snapshot WHERE org = 1 AND kind = $1 AND number = ANY($2::int[])",
        kind,
        list(numbers),
    )
    return [(row["number"], row["body"]) for row in rows]


async def named(connection: Connection, snapshot: str) -> str | None:
    """Return a snapshot by its name, as in `calibrator:SCOPE#3`; None: there is none."""
    kind, _, number = snapshot.rpartition("#")
    found = await of(connection, kind, [int(number)]) if number.isdecimal() else []
    return found[0][1] if found else None


async def newest(connection: Connection, kind: str) -> tuple[int, str] | None:
    """Return the latest snapshot with its number; None: there is none."""
    row = await connection.fetchrow(
        "SELECT number, body::text FROM parameter_snapshot WHERE org = 1 AND kind = $1 ORDER BY number DESC LIMIT 1",
        kind,
    )
    return (row["number"], row["body"]) if row else None
