"""Reviewers: the people, and the pools they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """A person who may be asked."""

    name: str
    pools: tuple[str, ...]
    added_at: datetime


async def add(connection: Connection, scope: Scope, name: str, pools: Sequence[str]) -> Reviewer | None:
    """Add a person; None where the name is taken."""
    async with connection.transaction():
        row = await connection.fetchrow(
            "INSERT INTO reviewer (org, name, pools) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING "
            "RETURNING name, pools, added_at",
            scope.org,
            name,
            list(pools),
        )
        if row is None:
            return None
        await journal.write(connection, scope, "reviewer.added", name, pools=pools)
    return Reviewer(name=row["name"], pools=tuple(row["pools"]), added_at=row["added_at"])


async def listed(connection: Connection, scope: Scope) -> list[Reviewer]:
    """Return everybody, in order of name; to a key bound to pools, their people."""
    rows = await connection.fetch(
        "SELECT name, pools, added_at FROM reviewer WHERE org = $1 AND ($2::text[] IS NULL OR pools && $2::text[]) "
        "ORDER BY name",
        scope.org,
        scope.pools,
    )
    return [Reviewer(name=row["name"], pools=tuple(row["pools"]), added_at=row["added_at"]) for row in rows]
