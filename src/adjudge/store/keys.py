"""API keys: stored as hashes, shown once, bound to locations or pools."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adjudge.store.connecting import Connection
from adjudge.store.scope import Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What may be known of a key."""

    id: str
    name: str
    role: Role
    locations: tuple[str, ...] | None
    pools: tuple[str, ...] | None
    reviewer: str | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


COLUMNS = "id, name, role, locations, pools, reviewer, created_at, created_by, revoked_at"


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
    id: str,  # noqa: A002 - the column's name
    name: str,
    role: Role,
    secret: str,
    created_by: str,
    locations: Sequence[str] | None = None,
    pools: Sequence[str] | None = None,
    reviewer: str | None = None,
) -> Key:
    """Store a new key; `secret` itself is not kept."""
    row = await connection.fetchrow(
        "INSERT INTO api_key (id, name, role, secret_hash, locations, pools, reviewer, created_by) "
        f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}",
        id,
        name,
        role,
        hashed(secret),
        locations,
        pools,
        reviewer,
        created_by,
    )
    return _key(row)


async def scope_of(connection: Connection, secret_hash: bytes) -> Scope | None:
    """Return whom the key stands for; None where it is unknown or revoked. Its use is noted once a minute."""
    row = await connection.fetchrow(
        """
        SELECT api_key.id, api_key.org, api_key.role, api_key.locations,
            coalesce(reviewer.pools, api_key.pools) AS pools, api_key.reviewer,
            coalesce(last_used_at < clock_timestamp() - interval '1 minute', true) AS unnoted
        FROM api_key LEFT JOIN reviewer ON reviewer.org = api_key.org AND reviewer.name = api_key.reviewer
        WHERE secret_hash = $1 AND revoked_at IS NULL
        """,
        secret_hash,
    )
    if row is not None and row["unnoted"]:
        await connection.execute("UPDATE api_key SET last_used_at = clock_timestamp() WHERE id = $1", row["id"])
    if row is None:
        return None
    return Scope(
        principal=row["id"],
        role=row["role"],
        locations=_tuple(row["locations"]),
        pools=_tuple(row["pools"]),
        reviewer=row["reviewer"],
        org=row["org"],
    )


async def listed(connection: Connection, scope: Scope) -> list[Key]:
    """Return all keys, newest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM api_key WHERE org = $1 ORDER BY created_at DESC LIMIT 1000", scope.org
    )
    return [_key(row) for row in rows]


async def revoke(connection: Connection, scope: Scope, key: str) -> bool:
    """End a key; return whether there was one to end."""
    ended = await connection.fetchval(
        "UPDATE api_key SET revoked_at = clock_timestamp() "
        "WHERE org = $1 AND id = $2 AND revoked_at IS NULL RETURNING true",
        scope.org,
        key,
    )
    return bool(ended)


async def revoke_named(connection: Connection, scope: Scope, name: str, created_by: str) -> None:
    """End earlier keys of the same name and maker: `adjudge up` makes a new one at each start."""
    await connection.execute(
        "UPDATE api_key SET revoked_at = clock_timestamp() "
        "WHERE org = $1 AND name = $2 AND created_by = $3 AND revoked_at IS NULL",
        scope.org,
        name,
        created_by,
    )


def _key(row: dict[str, object]) -> Key:
    values = dict(row)
    values["locations"], values["pools"] = _tuple(row["locations"]), _tuple(row["pools"])
    return Key(**values)  # type: ignore[arg-type]


def _tuple(values: object) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)  # type: ignore[arg-type]
