"""Audits as operators see them: the open ones with their age, and the record of a closed one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAudit:
    """An open audit as people are shown it."""

    decision: UUID
    type: str
    location: str
    role: str
    rate: float
    asked_at: datetime
    age_seconds: float
    state: str
    """`deciding`, `drawn`, `people` or `expert`."""
    why_expert: str
    shown: int
    """How often it was put before somebody."""
    votes: int
    declined: int


OPEN = """
    SELECT work.decision_id AS decision, work.type, work.location, decision.audit_role AS role,
        decision.audit_rate AS rate, work.asked_at,
        extract(epoch FROM clock_timestamp() - work.asked_at)::float8 AS age_seconds,
        CASE WHEN deciding.decision_id IS NOT NULL THEN 'deciding' WHEN work.stage = 1 THEN 'expert'
            WHEN EXISTS (SELECT FROM review_task WHERE review_task.decision_id = work.decision_id
                AND review_task.purpose = 'audit') THEN 'people'
            ELSE 'drawn' END AS state,
        coalesce(work.waiting_for ->> 'expert', '') AS why_expert,
        (SELECT count(*) FROM assignment JOIN review_task ON review_task.id = assignment.task_id
            WHERE assignment.decision_id = work.decision_id AND review_task.purpose = 'audit') AS shown,
        (SELECT count(*) FROM vote WHERE vote.decision_id = work.decision_id AND vote.purpose <> 'stage') AS votes,
        (SELECT count(*) FROM assignment JOIN review_task ON review_task.id = assignment.task_id
            WHERE assignment.decision_id = work.decision_id AND review_task.purpose = 'audit'
                AND assignment.ending = 'declined') AS declined
    FROM work JOIN decision ON decision.id = work.decision_id
        LEFT JOIN work AS deciding ON deciding.decision_id = work.decision_id AND deciding.purpose = 'decide'
    WHERE work.purpose = 'audit' AND work.org = $1 AND ($2::text[] IS NULL OR work.location = ANY($2::text[]))
        AND ($3::text IS NULL OR work.type = $3)
    ORDER BY work.asked_at, work.decision_id LIMIT $4
"""


async def open_audits(connection: Connection, scope: Scope, question_type: str | None, limit: int) -> list[SeenAudit]:
    """Return open audits of the caller's locations, the oldest first."""
    rows = await connection.fetch(OPEN, scope.org, scope.locations, question_type, limit)
    return [SeenAudit(**dict(row)) for row in rows]


LIFE = """
    SELECT audit.*, decision.audit_key FROM audit LEFT JOIN decision ON decision.id = audit.decision_id
    WHERE audit.decision_id = $1 AND audit.org = $2 AND ($3::text[] IS NULL OR audit.location = ANY($3::text[]))
"""


async def life(connection: Connection, scope: Scope, decision: UUID) -> dict[str, object] | None:
    """Return the record of a closed audit; None where there is none for this caller."""
    row = await connection.fetchrow(LIFE, decision, scope.org, scope.locations)
    return dict(row) if row else None


MEASURED = """
    SELECT type, count(*) AS open, extract(epoch FROM clock_timestamp() - min(asked_at))::float8 AS oldest
    FROM work WHERE purpose = 'audit' GROUP BY type
"""


async def measured(connection: Connection) -> dict[str, tuple[int, float]]:
    """Return how many audits are open, and the age of the oldest in seconds, by type."""
    return {row["type"]: (row["open"], row["oldest"]) for row in await connection.fetch(MEASURED)}
