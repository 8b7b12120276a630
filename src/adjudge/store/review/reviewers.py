"""Reviewers: the people, and the pools they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.journal import Action
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """A person who may be asked."""

    name: str
    pools: tuple[str, ...]
    added_at: datetime
    has_key: bool
    """Whether they can answer: not where all their keys are revoked."""


HAS_KEY = "EXISTS (SELECT FROM api_key WHERE api_key.reviewer = reviewer.name AND revoked_at IS NULL)"
"""Without a key nobody answers: a person who has left counts in no pool."""
HAS_KEY_THERE = """
    EXISTS (SELECT FROM api_key WHERE api_key.reviewer = reviewer.name AND revoked_at IS NULL
        AND (api_key.locations IS NULL OR decision.location = ANY(api_key.locations)))
"""
"""Of people beside a decision: a key may be bound to other locations than the decision's."""
COLUMNS = f"name, pools, added_at, {HAS_KEY} AS has_key"
WITHIN = """
    org = $1 AND ($2::text[] IS NULL OR pools <@ $2::text[]) AND ($3::text[] IS NULL OR NOT EXISTS (
        SELECT FROM api_key WHERE api_key.reviewer = reviewer.name AND revoked_at IS NULL
            AND (locations IS NULL OR NOT locations <@ $3::text[])))
"""
"""People whom a key bound to pools and locations may look after."""


async def add(connection: Connection, scope: Scope, name: str, pools: Sequence[str]) -> Reviewer | None:
    """Add a person, or take one back whose keys were all revoked. None where the name is somebody's."""
    async with connection.transaction():
        row = await connection.fetchrow(
            f"""
            INSERT INTO reviewer (org, name, pools) VALUES ($1, $3, $4)
            ON CONFLICT (org, name) DO UPDATE SET pools = excluded.pools
                WHERE NOT {HAS_KEY} AND ($2::text[] IS NULL OR reviewer.pools <@ $2::text[])
            RETURNING {COLUMNS}
            """,
            scope.org,
            scope.pools,
            name,
            list(pools),
        )
        return await _noted(connection, scope, row, "reviewer.added")


async def move(connection: Connection, scope: Scope, name: str, pools: Sequence[str]) -> Reviewer | None:
    """Have a person answer for these pools instead. None where nobody is so named, or not within the bounds."""
    async with connection.transaction():
        row = await connection.fetchrow(
            f"UPDATE reviewer SET pools = $5 WHERE {WITHIN} AND name = $4 RETURNING {COLUMNS}",
            scope.org,
            scope.pools,
            scope.locations,
            name,
            list(pools),
        )
        return await _noted(connection, scope, row, "reviewer.moved")


async def listed(connection: Connection, scope: Scope) -> list[Reviewer]:
    """Return everybody, in order of name; to a key bound to pools, their people."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM reviewer WHERE org = $1 AND ($2::text[] IS NULL OR pools && $2::text[]) ORDER BY name",
        scope.org,
        scope.pools,
    )
    return [_reviewer(row) for row in rows]


async def _noted(
    connection: Connection, scope: Scope, row: Mapping[str, Any] | None, action: Action
) -> Reviewer | None:
    if row is None:
        return None
    found = _reviewer(row)
    await journal.write(connection, scope, action, found.name, pools=found.pools)
    return found


def _reviewer(row: Mapping[str, Any]) -> Reviewer:
    return Reviewer(**{**dict(row), "pools": tuple(row["pools"])})
