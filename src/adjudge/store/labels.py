"""Labels: what became known of a decision's truth after it was settled."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adjudge.store.connecting import Connection

LATE_VOTE = "late-vote"
"""The source of labels that are late votes; its reference is the reviewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabel:
    """Late truth, a late vote, an expert's word."""

    decision_id: UUID
    source: str
    source_ref: str
    answer: str
    reporter: str
    after_version: int
    """Version of the outcome that stood when it came."""
    answer_could_influence: bool
    """Whether the answer given had a part in this being observed, as with complaints."""


SAID = "SELECT answer FROM label WHERE decision_id = $1 AND source = $2 AND source_ref = $3"

ALL = """
    SELECT at, source, source_ref AS ref, answer, after_version FROM label WHERE decision_id = $1
    ORDER BY at, source, source_ref
"""

INSERT = """
    INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (decision_id, source, source_ref) DO NOTHING RETURNING at
"""


async def insert(connection: Connection, label: NewLabel) -> datetime | None:
    """Record the label; None where this source has said so before."""
    at: datetime | None = await connection.fetchval(INSERT, *(getattr(label, name) for name in NewLabel.__slots__))
    return at


async def of_decision(connection: Connection, decision: UUID) -> list[dict[str, Any]]:
    """Return all labels of a decision, the oldest first."""
    return [dict(row) for row in await connection.fetch(ALL, decision)]


async def said(connection: Connection, decision: UUID, source: str, ref: str) -> str | None:
    """Return what this source has said before; None where nothing."""
    answer: str | None = await connection.fetchval(SAID, decision, source, ref)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class LateVote:
    """What a person said whose lease had ended or whose decision was settled."""

    reviewer: str
    answer: str
    at: datetime
    stage: int
    pool: str


LATE_VOTES = """
    SELECT DISTINCT ON (label.at, label.source_ref) label.source_ref AS reviewer, label.answer, label.at,
        review_task.stage, review_task.pool
    FROM label
        JOIN assignment ON assignment.decision_id = label.decision_id AND assignment.reviewer = label.source_ref
        JOIN review_task ON review_task.id = assignment.task_id
    WHERE label.decision_id = $1 AND label.source = $2 AND review_task.purpose = 'decide'
    ORDER BY label.at, label.source_ref, assignment.claimed_at DESC
"""


async def late_votes(connection: Connection, decision: UUID) -> list[LateVote]:
    """Return what was said too late, in the order in which it came, with the stage it was asked for in."""
    return [LateVote(**dict(row)) for row in await connection.fetch(LATE_VOTES, decision, LATE_VOTE)]
