"""Queues: how many review tasks wait for each pool, since when, and how fast they are worked off."""

from collections.abc import Sequence
from dataclasses import dataclass

from adjudge.store.connecting import Connection
from adjudge.store.review.tasks import BEHIND
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for a pool, and how fast it is worked off."""

    pool: str
    waiting: int
    leased: int
    oldest_seconds: float | None
    due_5m: int
    at_work: int
    votes_per_hour: int
    median_seconds: float | None


WHY_EMPTY = """
    SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'leased') AS leased
    FROM review_task
    WHERE org = $1 AND pool = ANY($2::text[]) AND state IN ('waiting', 'leased')
        AND ($3::text[] IS NULL OR location = ANY($3::text[]))
"""
# What waits and what is leased are read apart: each has its own partial index, closed seats are in neither.
# Votes know no location: they are looked up where the caller is bound to some. Their index wants a bound
# that does not change while the statement runs: `now()`, not the clock.
QUEUES = """
    WITH waits AS (
        SELECT pool, count(*) AS waiting, min(created_at) AS oldest,
            count(*) FILTER (WHERE purpose = 'decide' AND due_at < clock_timestamp() + interval '5 min') AS due_5m
        FROM review_task
        WHERE org = $1 AND pool = ANY($2::text[]) AND state = 'waiting'
            AND ($3::text[] IS NULL OR location = ANY($3::text[]))
        GROUP BY pool
    ), held AS (
        SELECT pool, reviewer FROM review_task
        WHERE org = $1 AND pool = ANY($2::text[]) AND state = 'leased' AND lease_until IS NOT NULL
            AND ($3::text[] IS NULL OR location = ANY($3::text[]))
    ), leases AS (
        SELECT pool, count(*) AS leased FROM held GROUP BY pool
    ), recent AS (
        SELECT pool, reviewer, seconds, answered_at FROM vote
        WHERE pool = ANY($2::text[]) AND answered_at > now() - interval '1 hour'
            AND ($3::text[] IS NULL OR EXISTS (
                SELECT FROM decision WHERE decision.id = vote.decision_id AND decision.location = ANY($3::text[])))
    ), speed AS (
        SELECT pool, count(*) AS votes, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median
        FROM recent GROUP BY pool
    ), people AS (
        SELECT pool, count(DISTINCT reviewer) AS at_work FROM (
            SELECT pool, reviewer FROM recent WHERE answered_at > clock_timestamp() - interval '5 min'
            UNION ALL
            SELECT pool, reviewer FROM held) AS seen
        GROUP BY pool
    )
    SELECT pool, coalesce(waiting, 0) AS waiting, coalesce(leased, 0) AS leased,
        extract(epoch FROM clock_timestamp() - oldest)::float8 AS oldest_seconds, coalesce(due_5m, 0) AS due_5m,
        coalesce(at_work, 0) AS at_work, coalesce(votes, 0) AS votes_per_hour, median AS median_seconds
    FROM unnest($2::text[]) AS pool LEFT JOIN waits USING (pool) LEFT JOIN leases USING (pool)
        LEFT JOIN speed USING (pool) LEFT JOIN people USING (pool)
    ORDER BY pool
"""


# Of a pool with many thousands the newest are read: who is waiting since long is found by what is due first.
LOCATIONS = """
    SELECT DISTINCT newest.location
    FROM unnest($2::text[]) AS wanted (pool) CROSS JOIN LATERAL (
        SELECT location FROM review_task
        WHERE org = $1 AND review_task.pool = wanted.pool AND state = 'waiting' AND priority > $4
            AND ($3::text[] IS NULL OR location = ANY($3::text[]))
        ORDER BY priority, id DESC LIMIT 2000) AS newest
    ORDER BY 1
"""

POOLS = """
    WITH RECURSIVE found AS (
        SELECT (SELECT min(pool) FROM review_task WHERE org = $1 AND state = 'waiting') AS pool
        UNION ALL
        SELECT (SELECT min(pool) FROM review_task WHERE org = $1 AND state = 'waiting' AND pool > found.pool) FROM found
        WHERE found.pool IS NOT NULL
    )
    SELECT pool FROM found WHERE pool IS NOT NULL
"""


async def pools_in_use(connection: Connection, scope: Scope) -> list[str]:
    """Return the pools in which something waits, whatever configuration they are of."""
    return [row["pool"] for row in await connection.fetch(POOLS, scope.org)]


async def locations_waiting(connection: Connection, scope: Scope, pools: Sequence[str]) -> list[str]:
    """Return the locations of decisions for which tasks of these pools wait, in order of name."""
    rows = await connection.fetch(LOCATIONS, scope.org, list(pools), scope.locations, -BEHIND)
    return [row["location"] for row in rows]


async def open_in(connection: Connection, scope: Scope, pools: Sequence[str]) -> tuple[int, int]:
    """Return how many tasks wait and how many are leased in the pools."""
    row = await connection.fetchrow(WHY_EMPTY, scope.org, list(pools), scope.locations)
    return row["waiting"], row["leased"]


async def read_queues(connection: Connection, scope: Scope, pools: Sequence[str]) -> list[Queue]:
    """Return the state of each pool's queue, as far as it is of the caller's locations, in order of name."""
    rows = await connection.fetch(QUEUES, scope.org, list(pools), scope.locations)
    return [Queue(**dict(row)) for row in rows]
