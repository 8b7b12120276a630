"""Endpoints: where callers have outcomes sent.

A key sees an endpoint only if it may see everything that the endpoint is told: a key of one store can neither find nor
guess the endpoints of another store, or of the whole chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adjudge.store import journal
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

MOST = 1_000
"""In one organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint and how it does."""

    id: str
    url: str
    locations: tuple[str, ...] | None
    types: tuple[str, ...] | None
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None
    """Until when two secrets sign; None: one does."""
    failing_since: datetime | None
    failure: str | None
    stopped_at: datetime | None
    waiting: int
    parked: int
    oldest_waiting: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What is needed to send to an endpoint."""

    id: str
    url: str
    secrets: tuple[bytes, ...]
    """The newest first."""
    is_failing: bool
    """As some process has found."""


VISIBLE = "endpoint.org = $1 AND ($2::text[] IS NULL OR endpoint.locations <@ $2::text[])"

LIST = f"""
    SELECT endpoint.id, url, locations, types, endpoint.created_at, created_by, failing_since, failure, stopped_at,
        CASE WHEN old_secret_until > now() THEN old_secret_until END AS old_secret_until, open.*, parked.*
    FROM endpoint
        CROSS JOIN LATERAL (
            SELECT count(*) AS waiting, min(due_since) AS oldest_waiting FROM delivery
            WHERE delivery.endpoint = endpoint.id AND state IN ('waiting', 'sending')) AS open
        CROSS JOIN LATERAL (
            SELECT count(*) AS parked FROM delivery
            WHERE delivery.endpoint = endpoint.id AND state = 'parked') AS parked
    WHERE {VISIBLE} AND ($3::text IS NULL OR endpoint.id = $3)
    ORDER BY endpoint.created_at, endpoint.id
"""

ADD = """
    INSERT INTO endpoint (id, org, url, locations, types, secret, created_by)
    SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM endpoint WHERE org = $2) < $8
    RETURNING created_at
"""

ROTATE = f"""
    UPDATE endpoint SET secret = $4, old_secret = secret, old_secret_until = now() + $5
    WHERE {VISIBLE} AND id = $3 RETURNING old_secret_until
"""

RECEIVERS = """
    SELECT id, url, secret, CASE WHEN old_secret_until > now() THEN old_secret END AS old_secret, failing_since
    FROM endpoint
"""


async def add(
    connection: Connection,
    scope: Scope,
    endpoint: str,
    url: str,
    *,
    locations: Sequence[str] | None,
    types: Sequence[str] | None,
    secret: bytes,
) -> bool:
    """Add an endpoint; return False where there are as many as there may be."""
    async with connection.transaction():
        made = await connection.fetchval(ADD, endpoint, scope.org, url, locations, types, secret, scope.principal, MOST)
        if made is not None:
            host = urlsplit(url).hostname
            await journal.write(
                connection, scope, "webhook.added", endpoint, host=host, locations=locations, types=types
            )
    return made is not None


async def listed(connection: Connection, scope: Scope, endpoint: str | None = None) -> list[Endpoint]:
    """Return the endpoints that the caller may see, the oldest first; or the one of this id."""
    rows = await connection.fetch(LIST, scope.org, scope.locations, endpoint)
    return [
        Endpoint(**{**dict(row), "locations": _tuple(row["locations"]), "types": _tuple(row["types"])}) for row in rows
    ]


async def receiver(connection: Connection, scope: Scope, endpoint: str) -> Receiver | None:
    """Return what is needed to send to an endpoint that the caller may see; also to one that has stopped."""
    row = await connection.fetchrow(
        f"{RECEIVERS} WHERE {VISIBLE} AND id = $3",
        scope.org,
        scope.locations,
        endpoint,
    )
    return None if row is None else _receiver(row)


async def rotate(
    connection: Connection, scope: Scope, endpoint: str, secret: bytes, keep: timedelta
) -> datetime | None:
    """Make a new secret the first; the one before signs beside it for some time more. Return until when."""
    async with connection.transaction():
        until: datetime | None = await connection.fetchval(ROTATE, scope.org, scope.locations, endpoint, secret, keep)
        if until is not None:
            await journal.write(connection, scope, "webhook.rotated", endpoint, old_until=until)
    return until


async def remove(connection: Connection, scope: Scope, endpoint: str) -> bool:
    """Remove an endpoint; what waits for it is never sent, and deleted later. Return whether there was one."""
    async with connection.transaction():
        ended = await connection.fetchval(
            f"DELETE FROM endpoint WHERE {VISIBLE} AND id = $3 RETURNING true",
            scope.org,
            scope.locations,
            endpoint,
        )
        if ended:
            await journal.write(connection, scope, "webhook.removed", endpoint)
    return bool(ended)


async def receivers(connection: Connection) -> list[Receiver]:
    """Return all endpoints that are sent to."""
    return [_receiver(row) for row in await connection.fetch(f"{RECEIVERS} WHERE stopped_at IS NULL")]


async def failing(connection: Connection, endpoint: str, failure: str | None) -> None:
    """Record that an endpoint fails, or (None) that it no longer does."""
    await connection.execute(
        """
        UPDATE endpoint SET failure = $2,
            failing_since = CASE WHEN $2::text IS NOT NULL THEN coalesce(failing_since, clock_timestamp()) END
        WHERE id = $1 AND failure IS DISTINCT FROM $2
        """,
        endpoint,
        failure,
    )


async def stop(connection: Connection, endpoint: str) -> None:
    """Send nothing more to an endpoint whose receiver is gone."""
    await connection.execute(
        """
        UPDATE endpoint SET stopped_at = clock_timestamp(), failure = '410 Gone',
            failing_since = coalesce(failing_since, clock_timestamp())
        WHERE id = $1 AND stopped_at IS NULL
        """,
        endpoint,
    )


async def resume(connection: Connection, scope: Scope, endpoint: str) -> bool:
    """Send again to an endpoint that had stopped, from now on; return whether the caller may see it."""
    found = await connection.fetchval(
        f"""
        UPDATE endpoint SET stopped_at = NULL,
            told_since = CASE WHEN stopped_at IS NULL THEN told_since ELSE clock_timestamp() END
        WHERE {VISIBLE} AND id = $3 RETURNING true
        """,
        scope.org,
        scope.locations,
        endpoint,
    )
    return bool(found)


def _receiver(row: dict[str, object]) -> Receiver:
    secrets = (row["secret"], row["old_secret"])
    return Receiver(
        id=str(row["id"]),
        url=str(row["url"]),
        secrets=tuple(each for each in secrets if isinstance(each, bytes)),
        is_failing=row["failing_since"] is not None,
    )


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
