"""What slices have from their groups until they have certificates of their own, and who has it no more."""

from collections.abc import Sequence
from typing import Final

from adjudge.store.connecting import Connection

TAKEN_AWAY: Final = "('watch', 'siblings', 'operator')"
"""Why epochs end whose slice has lost a certificate for what it did: it inherits no more."""

INHERITING = """
    SELECT covers ->> 'slice' AS slice FROM epoch
    WHERE org = 1 AND ended_at IS NULL AND scope = ANY($1::text[]) AND inherited IS NOT NULL
        AND inherited ->> 'is_lapsed' IS DISTINCT FROM 'true'
"""

RUNS = """
    SELECT EXISTS (
        SELECT FROM certificate JOIN epoch
            ON epoch.org = certificate.org AND epoch.scope = certificate.scope AND epoch.number = certificate.epoch
        WHERE certificate.org = 1 AND certificate.id = $2 AND certificate.scope = $1 AND epoch.ended_at IS NULL)
"""

HAS_LEFT = f"SELECT EXISTS (SELECT FROM epoch WHERE org = 1 AND scope = $1 AND ended_why IN {TAKEN_AWAY})"

LEFT = f"""
    SELECT gone.covers ->> 'slice' AS slice, min(later.first_number) AS number
    FROM epoch AS gone JOIN epoch AS later
        ON later.org = gone.org AND later.scope = gone.scope AND later.number = gone.number + 1
    WHERE gone.org = 1 AND gone.scope = ANY($1::text[]) AND gone.ended_why IN {TAKEN_AWAY}
    GROUP BY 1
"""


async def inheriting(connection: Connection, scopes: Sequence[str]) -> list[str]:
    """Return the slices, of those with these scopes, that have what they have from their group."""
    rows = await connection.fetch(INHERITING, list(scopes))
    return [row["slice"] for row in rows]


async def inherit(connection: Connection, scope: str, number: int, inherited: str | None) -> None:
    """Write what a slice has from its group."""
    await connection.execute(
        "UPDATE epoch SET inherited = $3 WHERE org = 1 AND scope = $1 AND number = $2", scope, number, inherited
    )


async def has_left(connection: Connection, scope: str) -> bool:
    """Return whether a certificate of the slice was ever taken away: then it earns its way back by itself."""
    found: bool = await connection.fetchval(HAS_LEFT, scope)
    return found


async def runs(connection: Connection, scope: str, certificate: str) -> bool:
    """Return whether the epoch of a scope in which it was given a certificate still runs."""
    found: bool = await connection.fetchval(RUNS, scope, certificate)
    return found


async def left(connection: Connection, scopes: Sequence[str]) -> dict[str, int]:
    """Return of these members of a group, by slice, the last decision before they left it."""
    rows = await connection.fetch(LEFT, list(scopes))
    return {row["slice"]: row["number"] for row in rows}
