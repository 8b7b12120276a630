"""Labels: what was learnt of a decision's truth afterwards."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adjudge.store.connecting import Connection


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


INSERT = """
    INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (decision_id, source, source_ref) DO NOTHING RETURNING at
"""


async def insert(connection: Connection, label: NewLabel) -> datetime | None:
    """Record the label; None where this source has said so before."""
    at: datetime | None = await connection.fetchval(INSERT, *(getattr(label, name) for name in NewLabel.__slots__))
    return at
