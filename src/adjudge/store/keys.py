"""API keys: stored as hashes, shown once, bound to locations or pools, limited.

A bound key can make and manage only keys within its own bounds.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Limits, Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What may be known of a key."""

    id: str
    name: str
    role: Role
    locations: tuple[str, ...] | None
    pools: tuple[str, ...] | None
    reviewer: str | None
    limits: Limits
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    old_until: datetime | None
    """Until when the secret before the last rotation opens, too."""
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


COLUMNS = (
    "id, name, role, locations, pools, reviewer, requests_per_second, bytes_per_second, open_decisions, created_at, "
    "created_by, rotated_at, old_until, last_used_at, revoked_at"
)
_LIMITS = tuple(field.name for field in fields(Limits))
WITHIN = "org = $1 AND ($2::text[] IS NULL OR locations <@ $2::text[]) AND ($3::text[] IS NULL OR pools <@ $3::text[])"
"""Keys that a scope may look after: those that can do no more than itself."""

SCOPE_OF = """
    SELECT api_key.id, api_key.org, api_key.role, api_key.locations,
        coalesce(reviewer.pools, api_key.pools) AS pools, api_key.reviewer,
        requests_per_second, bytes_per_second, open_decisions,
        coalesce(last_used_at < clock_timestamp() - interval '1 minute', true) AS unnoted
    FROM api_key LEFT JOIN reviewer ON reviewer.org = api_key.org AND reviewer.name = api_key.reviewer
    WHERE revoked_at IS NULL
        AND (secret_hash = $1 OR (old_hash = $1 AND old_until > clock_timestamp()))
"""


def new_secret() -> str:
    """Return a key to be shown once: 256 random bits."""
    return "adj_" + secrets.token_urlsafe(32)


def new_key_id() -> str:
    """Return the public name of a key."""
    return "key_" + secrets.token_hex(6)


def hashed(secret: str) -> bytes:
    """Return what is stored: keys are random, so that a plain hash does."""
    return hashlib.sha256(secret.encode()).digest()


async def create(
    connection: Connection,
    *,
    id: str,
    name: str,
    role: Role,
    secret: str,
    created_by: str,
    locations: Sequence[str] | None = None,
    pools: Sequence[str] | None = None,
    reviewer: str | None = None,
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> Key:
    """Store a new key; `secret` itself is not kept."""
    async with connection.transaction():
        row = await connection.fetchrow(
            "INSERT INTO api_key (id, name, role, secret_hash, locations, pools, reviewer, created_by, "
            "requests_per_second, bytes_per_second, open_decisions) "
            f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING {COLUMNS}",
            *(id, name, role, hashed(secret), locations, pools, reviewer, created_by),
            *(limits.requests_per_second, limits.bytes_per_second, limits.open_decisions),
        )
        made = _key(row)
        noted = {"name": name, "role": role, "locations": locations, "pools": pools, **_set(limits)}
        await journal.write(connection, Scope(created_by, "admin"), "key.created", id, **noted)
    return made


async def scope_of(connection: Connection, secret_hash: bytes) -> Scope | None:
    """Return whom the key stands for; None where it is unknown or revoked. Its use is noted once a minute."""
    row = await connection.fetchrow(SCOPE_OF, secret_hash)
    if row is None:
        return None
    if row["unnoted"]:
        await connection.execute("UPDATE api_key SET last_used_at = clock_timestamp() WHERE id = $1", row["id"])
    limits = _limits(row)
    return Scope(
        principal=row["id"],
        role=row["role"],
        locations=_tuple(row["locations"]),
        pools=_tuple(row["pools"]),
        reviewer=row["reviewer"],
        org=row["org"],
        limits=limits if _set(limits) else None,
    )


async def listed(connection: Connection, scope: Scope) -> list[Key]:
    """Return all keys that the scope may look after, newest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM api_key WHERE {WITHIN} ORDER BY created_at DESC LIMIT 1000", *_bounds(scope)
    )
    return [_key(row) for row in rows]


async def rotate(connection: Connection, scope: Scope, key: str, secret: str, overlap_seconds: float) -> Key | None:
    """Give a key another secret; the one before opens for `overlap_seconds` more, any older one no longer.

    None: there is no such key in use.
    """
    return await _changed(
        connection,
        scope,
        key,
        f"""
        UPDATE api_key SET secret_hash = $5, rotated_at = clock_timestamp(),
            old_hash = CASE WHEN $6::float8 > 0 THEN secret_hash END,
            old_until = CASE WHEN $6::float8 > 0 THEN clock_timestamp() + make_interval(secs => $6) END
        WHERE {WITHIN} AND id = $4 AND revoked_at IS NULL RETURNING {COLUMNS}
        """,
        (hashed(secret), overlap_seconds),
        "key.rotated",
        overlap_seconds=overlap_seconds,
    )


async def limit(connection: Connection, scope: Scope, key: str, limits: Limits) -> Key | None:
    """Give a key these limits in the place of those it had. None: there is no such key in use."""
    return await _changed(
        connection,
        scope,
        key,
        f"""
        UPDATE api_key SET requests_per_second = $5, bytes_per_second = $6, open_decisions = $7
        WHERE {WITHIN} AND id = $4 AND revoked_at IS NULL RETURNING {COLUMNS}
        """,
        (limits.requests_per_second, limits.bytes_per_second, limits.open_decisions),
        "key.limited",
        **asdict(limits),
    )


async def revoke(connection: Connection, scope: Scope, key: str) -> bool:
    """End a key; return whether there was one to end."""
    ended = await _changed(
        connection,
        scope,
        key,
        f"""
        UPDATE api_key SET revoked_at = clock_timestamp()
        WHERE {WITHIN} AND id = $4 AND revoked_at IS NULL RETURNING {COLUMNS}
        """,
        (),
        "key.revoked",
    )
    return ended is not None


async def revoke_named(connection: Connection, scope: Scope, name: str, created_by: str) -> None:
    """End the keys of this name and maker: that of `adjudge up` opens for as long as it runs."""
    async with connection.transaction():
        ended = await connection.fetch(
            "UPDATE api_key SET revoked_at = clock_timestamp() "
            "WHERE org = $1 AND name = $2 AND created_by = $3 AND revoked_at IS NULL RETURNING id",
            *(scope.org, name, created_by),
        )
        for row in ended:
            await journal.write(connection, scope, "key.revoked", row["id"])


async def reopen(connection: Connection, scope: Scope, name: str, created_by: str, secret: str) -> bool:
    """Open the newest key of this name and maker again, with another secret; False: there was none.

    It is who it was before, so that its idempotency keys hold on.
    """
    async with connection.transaction():
        key: str | None = await connection.fetchval(
            """
            UPDATE api_key SET secret_hash = $4, rotated_at = clock_timestamp(), old_hash = NULL, old_until = NULL,
                revoked_at = NULL
            WHERE id = (
                SELECT id FROM api_key WHERE org = $1 AND name = $2 AND created_by = $3 ORDER BY created_at DESC LIMIT 1
            ) RETURNING id
            """,
            *(scope.org, name, created_by, hashed(secret)),
        )
        if key is not None:
            await journal.write(connection, scope, "key.rotated", key, overlap_seconds=0)
    return key is not None


async def shared_use(
    connection: Connection, process: str, requests: Mapping[str, int], within_seconds: float
) -> dict[str, tuple[int, int]]:
    """Say what this process was asked by limited keys; return what the others were: (processes, requests) by key."""
    rows = await connection.fetch(
        """
        WITH told AS (
            INSERT INTO key_use (key, process, requests, at)
            SELECT key, $3, requests, clock_timestamp() FROM unnest($1::text[], $2::int[]) AS used (key, requests)
            ON CONFLICT (key, process) DO UPDATE SET requests = excluded.requests, at = excluded.at
        )
        SELECT key, count(*) AS processes, sum(requests)::bigint AS requests FROM key_use
        WHERE key = ANY($1::text[]) AND process <> $3 AND at > clock_timestamp() - make_interval(secs => $4)
        GROUP BY key
        """,
        *(list(requests), list(requests.values()), process, within_seconds),
    )
    return {row["key"]: (row["processes"], row["requests"]) for row in rows}


async def forget_use(connection: Connection) -> None:
    """Delete what processes said more than a minute ago."""
    await connection.execute("DELETE FROM key_use WHERE at < clock_timestamp() - interval '1 minute'")


async def _changed(
    connection: Connection,
    scope: Scope,
    key: str,
    statement: str,
    arguments: Sequence[object],
    action: journal.Action,
    **detail: Any,
) -> Key | None:
    """Change one key that the scope may look after, and note it; None where there is none."""
    async with connection.transaction():
        row = await connection.fetchrow(statement, *_bounds(scope), key, *arguments)
        if row is None:
            return None
        await journal.write(connection, scope, action, key, **detail)
        return _key(row)


def _bounds(scope: Scope) -> tuple[int, tuple[str, ...] | None, tuple[str, ...] | None]:
    return scope.org, scope.locations, scope.pools


def _key(row: Mapping[str, Any]) -> Key:
    values = {name: value for name, value in row.items() if name not in _LIMITS}
    bounds = {name: _tuple(row[name]) for name in ("locations", "pools")}
    return Key(**{**values, **bounds, "limits": _limits(row)})


def _limits(row: Mapping[str, Any]) -> Limits:
    return Limits(**{name: row[name] for name in _LIMITS})


def _set(limits: Limits) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if value is not None}


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
