"""Deliveries: one row for each outcome that an endpoint is told, with its attempts, until it is forgotten.

Rows are written behind the feed (`outbox.py`), so settling pays nothing for webhooks. A process that claims a row has
it until `next_at`. If it dies before, the delivery may have been made or not, and is claimed again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from adjudge.store import feed
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope
from adjudge.store.webhooks.endpoints import VISIBLE

KEPT_ATTEMPTS: Final = 30
"""Of one delivery."""
LONGEST_LIST: Final = 200

_encode = msgspec.json.Encoder().encode


class Key(NamedTuple):
    """Names a delivery."""

    endpoint: str
    decision: UUID
    version: int


class Claimed(msgspec.Struct, frozen=True, eq=False):
    """A delivery to be attempted now."""

    key: Key
    attempt: int
    failures: int
    """Before this attempt, in a row."""
    due_since: datetime
    row: feed.Row | None
    """The outcome; None: it is no longer kept."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How one attempt ended, as it stays on record."""

    attempt: int
    at: datetime
    seconds: float
    status: int | None = None
    """None: no answer came."""
    error: str | None = None


class Ended(msgspec.Struct, frozen=True):
    """An attempt that has ended, and what becomes of its delivery."""

    key: Key
    attempt: Attempt
    state: str
    """`delivered`, `waiting` (for `pause`) or `parked`."""
    pause: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery as its owner sees it."""

    decision: UUID
    version: int
    state: str
    created_at: datetime
    next_at: datetime | None
    """None: it has ended."""
    ended_at: datetime | None
    attempts: Any
    """JSON: the latest, oldest first."""


# A later version waits for the one before it: it never overtakes. The state of that one is not asked for among
# the conditions, lest the planner look for it in the index of what is due: all of it, for every row.
CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT found.* FROM unnest($1::text[], $2::int[]) AS free (endpoint, room)
            JOIN endpoint ON endpoint.id = free.endpoint AND stopped_at IS NULL CROSS JOIN LATERAL (
            SELECT endpoint, decision_id, version FROM delivery
            WHERE delivery.endpoint = free.endpoint AND state IN ('waiting', 'sending') AND next_at <= now()
                AND (version = 1 OR coalesce((
                    SELECT earlier.state FROM delivery AS earlier
                    WHERE earlier.endpoint = delivery.endpoint AND earlier.decision_id = delivery.decision_id
                        AND earlier.version < delivery.version
                    ORDER BY earlier.version DESC LIMIT 1), '') NOT IN ('waiting', 'sending'))
            ORDER BY next_at LIMIT free.room FOR UPDATE SKIP LOCKED) AS found
    )
    UPDATE delivery SET state = 'sending', attempt = attempt + 1, next_at = now() + $3::interval
    FROM due
    WHERE delivery.endpoint = due.endpoint AND delivery.decision_id = due.decision_id
        AND delivery.version = due.version
    RETURNING delivery.endpoint, delivery.decision_id, delivery.version, attempt, failures, due_since
"""

OUTCOMES = f"""
    SELECT {", ".join(feed.Row.__struct_fields__)}
    FROM outcome JOIN decision ON decision.id = outcome.decision_id
    WHERE outcome.decision_id = ANY($1::uuid[]) AND decision.id = ANY($1::uuid[])
"""

# What is delivered is delivered, whoever says so; any other result counts only for the attempt under way.
END = f"""
    UPDATE delivery SET
        state = new.state, tried = CASE WHEN jsonb_array_length(tried) >= {KEPT_ATTEMPTS} THEN tried - 0 ELSE tried END
            || new.attempt,
        failures = CASE WHEN new.state = 'delivered' THEN 0 ELSE failures + 1 END,
        last_error = new.attempt ->> 'error', next_at = now() + new.pause,
        ended_at = CASE WHEN new.state <> 'waiting' THEN now() END
    FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::text[], $6::interval[], $7::jsonb[])
        AS new (endpoint, decision_id, version, number, state, pause, attempt)
    WHERE delivery.endpoint = new.endpoint AND delivery.decision_id = new.decision_id
        AND delivery.version = new.version
        AND (delivery.state = 'sending' AND delivery.attempt = new.number
            OR new.state = 'delivered' AND delivery.state <> 'delivered')
"""

GIVE_BACK = """
    UPDATE delivery SET state = 'waiting', next_at = now()
    FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[]) AS mine (endpoint, decision_id, version, number)
    WHERE delivery.endpoint = mine.endpoint AND delivery.decision_id = mine.decision_id
        AND delivery.version = mine.version AND delivery.state = 'sending' AND delivery.attempt = mine.number
"""

MEASURE = """
    SELECT count(*) FILTER (WHERE state <> 'parked') AS waiting, count(*) FILTER (WHERE state = 'parked') AS parked,
        coalesce(extract(epoch FROM now() - min(due_since) FILTER (WHERE state <> 'parked')), 0)::float8 AS oldest
    FROM delivery WHERE state IN ('waiting', 'sending') OR state = 'parked'
"""

RENEW = """
    UPDATE delivery SET next_at = now() + $5::interval
    FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[]) AS mine (endpoint, decision_id, version, number)
    WHERE delivery.endpoint = mine.endpoint AND delivery.decision_id = mine.decision_id
        AND delivery.version = mine.version AND delivery.state = 'sending' AND delivery.attempt = mine.number
"""

HASTEN = """
    UPDATE delivery SET next_at = now() WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM delivery WHERE endpoint = $1 AND state = 'waiting' AND next_at > now()
        ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED))
"""

PARK_OLD = """
    UPDATE delivery SET state = 'parked', ended_at = now() WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM delivery
        WHERE endpoint = $1 AND state = 'waiting' AND due_since < now() - $2::interval
        LIMIT 1000 FOR UPDATE SKIP LOCKED))
"""

WAITS = "state = 'waiting' AND next_at > now()"
_REDELIVER = f"""
    UPDATE delivery SET state = 'waiting', failures = 0, next_at = now(), due_since = now(), ended_at = NULL
    WHERE ctid = ANY(ARRAY(
        SELECT delivery.ctid FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint
        WHERE {VISIBLE} AND endpoint = $3 AND {{which}}
        ORDER BY decision_id LIMIT $4 FOR UPDATE OF delivery))
"""
REDELIVER_PARKED = _REDELIVER.format(which=f"(state = 'parked' OR {WAITS})")
REDELIVER_ONE = _REDELIVER.format(which=f"decision_id = $5 AND (state IN ('parked', 'delivered') OR {WAITS})")

LIST = f"""
    SELECT decision_id AS decision, version, state, delivery.created_at, ended_at, tried AS attempts,
        CASE WHEN ended_at IS NULL THEN next_at END AS next_at
    FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint
    WHERE {VISIBLE} AND endpoint = $3 AND ($4::text IS NULL OR state = $4)
        AND (decision_id, version) < ($5::uuid, $6::int)
    ORDER BY decision_id DESC, version DESC LIMIT $7
"""

FORGET = """
    DELETE FROM delivery WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM delivery
        WHERE state IN ('delivered', 'parked')
            AND ended_at < now() - CASE state WHEN 'delivered' THEN $1::interval ELSE $2::interval END
        LIMIT $3))
"""

FORGET_ORPHANS = """
    DELETE FROM delivery WHERE ctid = ANY(ARRAY(
        SELECT delivery.ctid FROM (
            WITH RECURSIVE told AS (
                (SELECT endpoint FROM delivery ORDER BY endpoint LIMIT 1)
                UNION ALL
                SELECT (SELECT delivery.endpoint FROM delivery WHERE delivery.endpoint > told.endpoint
                    ORDER BY delivery.endpoint LIMIT 1)
                FROM told WHERE told.endpoint IS NOT NULL
            ) SELECT endpoint FROM told WHERE endpoint IS NOT NULL AND endpoint NOT IN (SELECT id FROM endpoint)
        ) AS gone JOIN delivery USING (endpoint) LIMIT $1))
"""


async def claim(connection: Connection, room: Mapping[str, int], lease: timedelta) -> list[Claimed]:
    """Take what is due, for each endpoint as much as it has room for, until the lease ends."""
    taken = await connection.fetch(CLAIM, list(room), list(room.values()), lease)
    rows = await _outcomes(connection, {row["decision_id"] for row in taken}) if taken else {}
    return [
        Claimed(
            Key(row["endpoint"], row["decision_id"], row["version"]),
            row["attempt"],
            row["failures"],
            row["due_since"],
            rows.get((row["decision_id"], row["version"])),
        )
        for row in taken
    ]


async def end(connection: Connection, ended: Sequence[Ended]) -> None:
    """Record how attempts ended."""
    # In the order of the key: two processes may hold results of the same rows.
    rows = [
        (*each.key, each.attempt.attempt, each.state, each.pause, _encode(each.attempt).decode())
        for each in sorted(ended, key=lambda each: each.key)
    ]
    await connection.execute(END, *_turned(rows, 7))


async def give_back(connection: Connection, claimed: Iterable[Claimed]) -> None:
    """Let others have at once what was claimed and will not be attempted."""
    await connection.execute(GIVE_BACK, *_turned([(*each.key, each.attempt) for each in claimed], 4))


async def renew(connection: Connection, claimed: Iterable[Claimed], lease: timedelta) -> None:
    """Keep what was claimed for longer."""
    await connection.execute(RENEW, *_turned([(*each.key, each.attempt) for each in claimed], 4), lease)


async def hasten(connection: Connection, endpoint: str, most: int) -> None:
    """Try again at once what waits for a receiver that is back."""
    await connection.execute(HASTEN, endpoint, most)


async def park_old(connection: Connection, endpoint: str, after: timedelta) -> int:
    """Park what has waited for longer than this for an endpoint that does not answer; return how many."""
    return _count(await connection.execute(PARK_OLD, endpoint, after))


async def redeliver(connection: Connection, scope: Scope, endpoint: str, decision: UUID | None, most: int) -> int:
    """Send again what is parked or waits for its next try, or all that was told of one decision; return how many."""
    which, named = (REDELIVER_PARKED, ()) if decision is None else (REDELIVER_ONE, (decision,))
    told = await connection.execute(which, scope.org, scope.locations, endpoint, most, *named)
    return _count(told)


async def listed(
    connection: Connection, scope: Scope, endpoint: str, state: str | None, before: tuple[UUID, int], limit: int
) -> list[Delivery]:
    """Return deliveries of an endpoint that the caller may see, the newest decision first."""
    rows = await connection.fetch(LIST, scope.org, scope.locations, endpoint, state, *before, min(limit, LONGEST_LIST))
    return [Delivery(**{**dict(row), "attempts": msgspec.Raw(row["attempts"].encode())}) for row in rows]


async def measured(connection: Connection) -> tuple[int, int, float]:
    """Return how many deliveries wait, how many are parked, and for how many seconds the oldest has waited."""
    row = await connection.fetchrow(MEASURE)
    return row["waiting"], row["parked"], row["oldest"]


async def forget(connection: Connection, delivered: timedelta, parked: timedelta, most: int) -> int:
    """Delete what ended longer ago than this, and what was for endpoints that are removed; return how many."""
    old = await connection.execute(FORGET, delivered, parked, most)
    return _count(old) + _count(await connection.execute(FORGET_ORPHANS, most))


async def _outcomes(connection: Connection, decisions: Iterable[UUID]) -> dict[tuple[UUID, int], feed.Row]:
    rows = await connection.fetch(OUTCOMES, list(decisions))
    return {(row["decision_id"], row["version"]): feed.Row(*row) for row in rows}


def _turned(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]


def _count(status: str) -> int:
    """Return the number of rows in PostgreSQL's command tag: `UPDATE 3`."""
    return int(status.rpartition(" ")[2])
