"""Figures about everything: read from `work` and from the newest partitions, never by an anti-join."""

from datetime import timedelta

from adjudge.store.connecting import Connection
from adjudge.store.partitions import first_id

LANES = ("realtime", "standard", "bulk")

# Both pass over `work`, which holds what is open and nothing else.
WAITING_FOR_MODELS = "SELECT count(*) FROM work WHERE purpose = 'decide' AND due_kind = 'resend'"
OPEN_BY_LANE = """
    SELECT lane, count(work.decision_id) AS open,
        coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8 AS age
    FROM unnest($1::text[]) AS lane LEFT JOIN work USING (lane) GROUP BY lane
"""


async def waiting_for_models(connection: Connection) -> int:
    """Return how many decisions wait for a model."""
    waiting: int = await connection.fetchval(WAITING_FOR_MODELS)
    return waiting


async def open_by_lane(connection: Connection) -> dict[str, tuple[int, float]]:
    """Return by lane how many decisions are open and how old the oldest is, in seconds."""
    rows = await connection.fetch(OPEN_BY_LANE, list(LANES))
    return {row["lane"]: (row["open"], row["age"]) for row in rows}


async def coverage(connection: Connection, span: timedelta) -> dict[str, float]:
    """Return by type the share settled by models and rules, of what was asked lately and is settled."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    rows = await connection.fetch(
        """
        SELECT decision.type, avg((outcome.source IN ('model', 'rule'))::int)::float8 AS coverage
        FROM outcome JOIN decision ON decision.id = outcome.decision_id
        WHERE outcome.decision_id >= $1::uuid AND outcome.kind = 'final' AND outcome.source <> 'cancel'
        GROUP BY decision.type
        """,
        first_id(now - span),
    )
    return {row["type"]: row["coverage"] for row in rows}
