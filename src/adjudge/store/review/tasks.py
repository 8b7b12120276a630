"""Review tasks: seats waiting for people, leased to one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec.json import encode

from adjudge.store.connecting import Connection
from adjudge.store.review.reviewers import HAS_KEY_THERE
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
        FROM reviewer JOIN decision ON decision.id = $2
        WHERE reviewer.org = $1 AND $3 = ANY(reviewer.pools) AND {HAS_KEY_THERE}
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

    People whose keys are bound to other locations can never have it. A pool without people waits until it has some.
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
