"""Votes: one person's opinion, one per person and decision, never changed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adjudge.store.connecting import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVote:
    """A vote with all that statistics will want to know of it."""

    decision_id: UUID
    reviewer: str
    task_id: UUID
    purpose: str
    stage: int
    seat: int
    pool: str
    answer: str
    seconds: float
    claimed_at: datetime
    why: str
    outcome_given: bool


INSERT = """
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at, why,
        outcome_given)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (decision_id, reviewer) DO NOTHING RETURNING answered_at
"""


async def insert(connection: Connection, vote: NewVote) -> datetime | None:
    """Record the vote; None where this person's vote on the decision stands already."""
    at: datetime | None = await connection.fetchval(INSERT, *(getattr(vote, name) for name in NewVote.__slots__))
    return at


async def answer_of(connection: Connection, decision: UUID, reviewer: str) -> str | None:
    """Return how this person voted; None: not at all."""
    answer: str | None = await connection.fetchval(
        "SELECT answer FROM vote WHERE decision_id = $1 AND reviewer = $2", decision, reviewer
    )
    return answer
