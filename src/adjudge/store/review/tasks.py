"""Review tasks: seats waiting for people, leased to one at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec.json import encode

from adjudge.store.connecting import Connection
from adjudge.store.review.reviewers import HAS_KEY
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A seat to be filled."""

    id: UUID
    decision_id: UUID
    stage: int
    seat: int
    pool: str
    type: str
    location: str
    priority: float
    """Higher is sooner; an audit stands behind every decision all the same."""
    candidates: tuple[str, ...]
    due_at: datetime
    purpose: Literal["decide", "audit"] = "decide"
    vote_purpose: str = "stage"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A locked task row, as an answer, decline or release finds it."""

    id: UUID
    decision_id: UUID
    pool: str
    stage: int
    seat: int
    state: str
    reviewer: str | None
    lease_token: UUID | None
    purpose: str
    vote_purpose: str
    live: bool
    """The lease has not run out."""

    def is_with(self, token: UUID) -> bool:
        """Return whether it is this lease's at this moment: not ended, taken away, or gone on to others."""
        return self.state == "leased" and self.lease_token == token and self.live


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """One lease of one person, whatever became of it."""

    claimed_at: datetime
    ending: str | None
    why: str


BEHIND = 1e11
"""Taken from the priority of an audit, which is then below that of every decision: minus the second when it is due."""

CREATE = f"""
    INSERT INTO review_task (id, decision_id, stage, seat, pool, type, location, priority, purpose, vote_purpose,
        candidates, due_at)
    SELECT id, decision_id, stage, seat, pool, type, location,
        priority - CASE purpose WHEN 'audit' THEN {BEHIND} ELSE 0 END, purpose, vote_purpose,
        ARRAY(SELECT jsonb_array_elements_text(candidates)), due_at
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::float8[],
        $9::text[], $10::text[], $11::jsonb[], $12::timestamptz[])
        AS new (id, decision_id, stage, seat, pool, type, location, priority, purpose, vote_purpose, candidates,
            due_at)
    ON CONFLICT (decision_id, purpose, stage, seat) DO NOTHING
"""

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

GO_ON = """
    UPDATE review_task SET due_at = later.until
    FROM (
        SELECT task.id, new.until FROM review_task task
            JOIN unnest($1::uuid[], $2::timestamptz[]) AS new (decision_id, until) USING (decision_id)
        WHERE task.purpose = 'decide' AND task.state IN ('waiting', 'leased') AND task.due_at < new.until
        ORDER BY task.id FOR UPDATE OF task
    ) AS later
    WHERE review_task.id = later.id
"""


OWN = """
    SELECT review_task.decision_id, review_task.purpose FROM review_task
    WHERE review_task.id = $1 AND org = $2 AND pool = ANY($3::text[])
        AND EXISTS (SELECT FROM assignment WHERE assignment.decision_id = review_task.decision_id
            AND assignment.task_id = review_task.id AND assignment.reviewer = $4)
"""

LOCK = """
    SELECT id, decision_id, pool, stage, seat, state, reviewer, lease_token, purpose, vote_purpose,
        lease_until > clock_timestamp() AS live
    FROM review_task WHERE id = $1 FOR UPDATE
"""

NOBODY_LEFT = f"""
    WITH people AS (
        SELECT EXISTS (
            SELECT FROM assignment seen WHERE seen.decision_id = $2 AND seen.reviewer = reviewer.name
                AND seen.ending IS DISTINCT FROM 'released') AS had
        FROM reviewer WHERE org = $1 AND $3 = ANY(pools) AND {HAS_KEY}
    ), seats AS (
        SELECT state FROM review_task WHERE decision_id = $2 AND purpose = 'decide' AND stage = $4
    )
    SELECT coalesce((SELECT bool_and(had) FROM people), false)
        AND coalesce((SELECT bool_or(state = 'waiting') AND NOT bool_or(state = 'leased') FROM seats), false)
"""

EXPIRED = """
    SELECT id, decision_id, pool, stage, seat, state, reviewer, lease_token, purpose, vote_purpose, false AS live
    FROM review_task
    WHERE state = 'leased' AND lease_until < clock_timestamp()
    ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED
"""


async def create(connection: Connection, tasks: Sequence[NewTask]) -> None:
    """Make seats; one that exists already is left as it is."""
    if not tasks:
        return
    names = ("id", "decision_id", "stage", "seat", "pool", "type", "location", "priority", "purpose", "vote_purpose")
    columns: list[list[object]] = [[getattr(task, name) for task in tasks] for name in names]
    columns.append([encode(task.candidates).decode() for task in tasks])
    columns.append([task.due_at for task in tasks])
    await connection.execute(CREATE, *columns)


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
    await end_assignment(connection, decision, token, "closed")
    await connection.execute(
        "UPDATE review_task SET state = 'closed', lease_token = NULL, lease_until = NULL WHERE id = $1", task
    )


async def decision_of(connection: Connection, scope: Scope, task: UUID) -> tuple[UUID, str] | None:
    """Return the decision of a task that this person has held, and the task's purpose; None for all others."""
    row = await connection.fetchrow(OWN, task, scope.org, list(scope.pools or ()), scope.reviewer)
    return (row["decision_id"], row["purpose"]) if row else None


async def lock(connection: Connection, task: UUID) -> Leased:
    """Lock the task; its work row, where there is one, must be locked before."""
    return Leased(**dict(await connection.fetchrow(LOCK, task)))


async def assignment(connection: Connection, decision: UUID, token: UUID, reviewer: str) -> Assigned | None:
    """Return the lease that a token stands for, or None where it never was this person's."""
    row = await connection.fetchrow(
        "SELECT claimed_at, ending, why FROM assignment WHERE decision_id = $1 AND token = $2 AND reviewer = $3",
        decision,
        token,
        reviewer,
    )
    return Assigned(**dict(row)) if row else None


async def end_assignment(
    connection: Connection, decision: UUID, token: UUID, ending: str, note: str | None = None
) -> None:
    """Record how a lease ended; the first ending stays."""
    await connection.execute(
        "UPDATE assignment SET ended_at = clock_timestamp(), ending = $3, note = $4 "
        "WHERE decision_id = $1 AND token = $2 AND ending IS NULL",
        decision,
        token,
        ending,
        note,
    )


async def answered(connection: Connection, task: UUID) -> None:
    """The seat is filled."""
    await connection.execute(
        "UPDATE review_task SET state = 'answered', lease_token = NULL, lease_until = NULL WHERE id = $1", task
    )


async def give_back(connection: Connection, task: UUID) -> None:
    """The seat waits again, for somebody else."""
    await connection.execute(
        "UPDATE review_task SET state = 'waiting', reviewer = NULL, lease_token = NULL, lease_until = NULL "
        "WHERE id = $1 AND state = 'leased'",
        task,
    )


async def go_on(connection: Connection, decisions: Sequence[tuple[UUID, datetime]]) -> None:
    """Have the open seats of decisions due later: (decision, when); the caller holds their work rows."""
    if decisions:
        await connection.execute(GO_ON, *zip(*decisions, strict=True))


async def nobody_left(connection: Connection, scope: Scope, task: Leased) -> bool:
    """Whether seats of the task's stage wait, and all people of its pool have had the decision and do not have it now.

    A pool without people waits until it has some.
    """
    none: bool = await connection.fetchval(NOBODY_LEFT, scope.org, task.decision_id, task.pool, task.stage)
    return none


async def renew(connection: Connection, task: UUID, token: UUID, seconds: float) -> datetime | None:
    """Prolong a live lease; None where it has ended."""
    until: datetime | None = await connection.fetchval(
        "UPDATE review_task SET lease_until = clock_timestamp() + make_interval(secs => $3) "
        "WHERE id = $1 AND lease_token = $2 AND state = 'leased' AND lease_until > clock_timestamp() "
        "RETURNING lease_until",
        task,
        token,
        seconds,
    )
    return until


async def is_leased(connection: Connection, task: UUID, token: UUID) -> bool:
    """Whether this lease of a task still runs."""
    runs: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM review_task "
        "WHERE id = $1 AND lease_token = $2 AND state = 'leased' AND lease_until > clock_timestamp())",
        task,
        token,
    )
    return runs


async def expire(connection: Connection, limit: int) -> list[Leased]:
    """End leases that have run out; return what they were. The seats wait again, for somebody else."""
    ended = [Leased(**dict(row)) for row in await connection.fetch(EXPIRED, limit)]
    for task in ended:
        assert task.lease_token is not None
        await end_assignment(connection, task.decision_id, task.lease_token, "expired")
        await give_back(connection, task.id)
    return ended


async def latest_token(connection: Connection, scope: Scope, task: UUID) -> UUID | None:
    """Return this person's latest lease on the task; None: there never was one."""
    token: UUID | None = await connection.fetchval(
        "SELECT token FROM assignment WHERE task_id = $1 AND reviewer = $2 "
        "AND decision_id = (SELECT decision_id FROM review_task WHERE id = $1 AND org = $3) "
        "ORDER BY claimed_at DESC LIMIT 1",
        task,
        scope.reviewer,
        scope.org,
    )
    return token


async def pool_of(connection: Connection, task: UUID) -> tuple[str, int]:
    """Return the pool of a task that exists, and the revision of its decision."""
    row = await connection.fetchrow(
        "SELECT pool, revision FROM review_task JOIN decision ON decision.id = decision_id WHERE review_task.id = $1",
        task,
    )
    return row["pool"], row["revision"]


async def seconds_since(connection: Connection, moment: datetime) -> float:
    """Return how long ago the moment was, never negative."""
    seconds: float = await connection.fetchval(
        "SELECT greatest(0, extract(epoch FROM clock_timestamp() - $1::timestamptz))::float8", moment
    )
    return seconds
