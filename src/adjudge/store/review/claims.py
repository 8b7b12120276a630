"""Claims: what comes first among the tasks that wait is leased to one person, with what that person is shown."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from adjudge.store.connecting import Connection
from adjudge.store.review import tasks
from adjudge.store.review.tasks import BEHIND
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task under lease, with what its reviewer is shown: nothing derived from a model or a peer."""

    id: UUID
    token: UUID
    decision_id: UUID
    pool: str
    type: str
    location: str
    revision: int
    candidates: tuple[str, ...]
    evidence: str | None
    """JSON; None: erased."""
    stake_minor: int | None
    stake_currency: str | None
    facts: str
    """JSON of the case: its answer space."""
    asked_at: datetime
    """When people were asked: when the question came would tell audits from decisions."""
    due_at: datetime
    lease_until: datetime


MOST_LOOKS = 20
"""Of one claim: each but the last found seats of another pool, or some whose evidence was erased."""

_MAY_HAVE = """
        task.org = $1 AND task.state = 'waiting' AND task.priority < $5 AND task.priority > $6
            AND ($4::text[] IS NULL OR task.location = ANY($4::text[]))
            AND NOT EXISTS (
                SELECT FROM assignment seen
                WHERE seen.decision_id = task.decision_id AND seen.reviewer = $3
                    AND seen.ending IS DISTINCT FROM 'released')
"""

FIRST_POOLS = f"""
    SELECT pool, count(*) FILTER (WHERE place <= $7) AS seats FROM (
        SELECT head.pool, row_number() OVER (ORDER BY head.priority DESC, head.id) AS place
        FROM unnest($2::text[]) AS wanted (pool) CROSS JOIN LATERAL (
            SELECT task.pool, task.priority, task.id FROM review_task task
            WHERE task.pool = wanted.pool AND {_MAY_HAVE}
            ORDER BY task.priority DESC, task.id LIMIT $7) AS head) AS heads
    GROUP BY pool ORDER BY min(place)
"""
"""Pools by what comes first in them, with how many of the first seats of all each has."""

# Of one pool, in the order of its index: it reads what it takes, and not all that waits.
# `picked` holds the rows; `mine` is refused by its unique index where this person has had the decision.
# An audit waits beyond the time of a decision, and would be known by it: its times are shown later by whole such times.
CLAIM = f"""
    WITH picked AS MATERIALIZED (
        SELECT task.id, task.decision_id FROM review_task task
        WHERE task.pool = $2 AND {_MAY_HAVE}
        ORDER BY task.priority DESC, task.id
        LIMIT $7 FOR UPDATE OF task SKIP LOCKED
    ), once AS (
        SELECT DISTINCT ON (decision_id) id, decision_id FROM picked ORDER BY decision_id, id
    ), mine AS (
        INSERT INTO assignment (decision_id, token, reviewer, task_id, why)
        SELECT decision_id, gen_random_uuid(), $3, id, 'next in queue' FROM once
        ON CONFLICT DO NOTHING
        RETURNING decision_id, token, task_id
    ), leased AS (
        UPDATE review_task SET state = 'leased', reviewer = $3, lease_token = mine.token,
            lease_until = clock_timestamp() + make_interval(secs => $8)
        FROM mine WHERE review_task.id = mine.task_id
        RETURNING review_task.*
    ), viewed AS (
        INSERT INTO journal (org, actor, action, subject, location, detail)
        SELECT $1, $9, 'evidence.viewed', decision_id::text, location,
            jsonb_build_object('reviewer', $3::text, 'task', id, 'pool', pool)
        FROM leased
        WHERE purpose = 'audit' OR EXISTS (SELECT FROM evidence WHERE evidence.decision_id = leased.decision_id)
    )
    SELECT leased.id, leased.lease_token AS token, leased.decision_id, leased.pool, leased.type, leased.location,
        leased.candidates, leased.due_at + waited.beyond AS due_at, leased.lease_until, evidence.body AS evidence,
        decision.revision, decision.stake_minor, decision.stake_currency, decision.facts,
        leased.created_at + waited.beyond AS asked_at, leased.purpose = 'decide' AND evidence.body IS NULL AS erased,
        leased.priority
    FROM leased JOIN decision ON decision.id = leased.decision_id
        LEFT JOIN evidence ON evidence.decision_id = leased.decision_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN leased.purpose = 'audit' AND leased.due_at > leased.created_at THEN
                floor(extract(epoch FROM clock_timestamp() - leased.created_at)
                    / extract(epoch FROM leased.due_at - leased.created_at))::float8
                * (leased.due_at - leased.created_at) ELSE interval '0' END AS beyond
        ) AS waited
"""


async def claim(
    connection: Connection,
    scope: Scope,
    pools: dict[str, float],
    count: int,
    *,
    only: Literal["decide", "audit"] | None = None,
) -> list[Claimed]:
    """Lease up to `count` tasks that this person has never had, and note in the journal who sees their evidence.

    `pools`: lease seconds of each pool. A seat whose evidence was erased is closed: nobody decides about nothing. They
    are found here, as a look at the evidence of all that waits would make a claim four times as dear.
    """
    below = -BEHIND if only == "audit" else math.inf
    above = -BEHIND if only == "decide" else -math.inf
    claimed: list[Claimed] = []
    for _ in range(MOST_LOOKS):
        seats = await _lease_next(connection, scope, pools, count - len(claimed), (below, above))
        erased = [seat for seat in seats if seat.pop("erased")]
        claimed += [Claimed(**seat) for seat in seats if seat not in erased]
        for seat in erased:
            await _close(connection, seat["id"], seat["decision_id"], seat["token"])
        if not seats or len(claimed) == count:
            break
    return claimed


async def _lease_next(
    connection: Connection, scope: Scope, pools: dict[str, float], count: int, between: tuple[float, float]
) -> list[dict[str, Any]]:
    """Lease what comes first. Each pool has an order of its own, and is read once however many seats it gives.

    A location whose seats are the last in their pools is found behind all others.
    """
    may = (scope.reviewer, scope.locations, *between)
    first = dict.fromkeys(pools, count)
    if len(pools) > 1:
        heads = await connection.fetch(FIRST_POOLS, scope.org, list(pools), *may, count)
        first = {head["pool"]: head["seats"] for head in heads}
    leased: list[dict[str, Any]] = []
    for pool, seats in first.items():
        if not seats and leased:
            break
        most = seats or count  # a colleague is being given all that comes before
        rows = await connection.fetch(CLAIM, scope.org, pool, *may, most, pools[pool], scope.principal)
        leased += [{**dict(row), "candidates": tuple(row["candidates"])} for row in rows]
    leased.sort(key=lambda seat: (-seat.pop("priority"), seat["id"]))
    return leased


async def _close(connection: Connection, task: UUID, decision: UUID, token: UUID) -> None:
    await tasks.end_assignment(connection, decision, token, "closed")
    await connection.execute(
        "UPDATE review_task SET state = 'closed', lease_token = NULL, lease_until = NULL WHERE id = $1", task
    )
