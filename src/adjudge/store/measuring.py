"""Figures about the whole system, read from `work` and the newest partitions, never by an anti-join."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from adjudge.store.connecting import Connection
from adjudge.store.partitions import first_id

LANES = ("realtime", "standard", "bulk")

# Both pass over `work`, which holds what is open and nothing else.
WAITING_FOR_MODELS = "SELECT count(*) FROM work WHERE purpose = 'decide' AND due_kind = 'resend'"
# Indexed, and only what counts for a limit is in the index.
OPEN_OF = "SELECT count(*) FROM work WHERE limited_key = $1 AND purpose = 'decide'"
OPEN_BY_LANE = """
    SELECT lanes.lane, count(work.decision_id) AS open,
        coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8 AS age
    FROM unnest($1::text[]) AS lanes (lane) LEFT JOIN work ON work.lane = lanes.lane AND work.purpose = 'decide'
    GROUP BY lanes.lane
"""


OVERDUE = """
    SELECT count(*) FROM work WHERE due_at < clock_timestamp() - $1::interval AND purpose = 'decide'
"""


async def overdue(connection: Connection, after: timedelta) -> int:
    """Return how many open decisions have been due for longer than this: their timers do not run."""
    late: int = await connection.fetchval(OVERDUE, after)
    return late


async def database_bytes(connection: Connection) -> int:
    """Return the size of the database on disk."""
    size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    return size


# The newest first, so that it reads the same few pages however long the hour was.
SOURCES = """
    SELECT source, count(*) AS settled FROM (
        SELECT source FROM outcome
        WHERE decision_id >= $1::uuid AND kind = 'final' AND source <> 'cancel'
        ORDER BY decision_id DESC LIMIT 10000) AS latest
    GROUP BY source ORDER BY source
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything at one moment."""

    accepted: int
    """Numbers given to decisions since the first: two readings give a rate. A failed commit leaves a gap."""
    open: Mapping[str, tuple[int, float]]
    """By lane how many, and the age of the oldest in seconds."""
    overdue: int
    sources: Mapping[str, int]
    """Who settled the latest outcomes: of at most 10,000, asked for within the hour."""


async def overview(connection: Connection, overdue_after: timedelta) -> Overview:
    """Return figures of everything, none of which reads much."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    settled = await connection.fetch(SOURCES, first_id(now - timedelta(hours=1)))
    return Overview(
        accepted=await connection.fetchval("SELECT last_value FROM decision_number WHERE is_called") or 0,
        open=await open_by_lane(connection),
        overdue=await overdue(connection, overdue_after),
        sources={row["source"]: row["settled"] for row in settled},
    )


async def open_of(connection: Connection, key: str) -> int:
    """Return how many open decisions count for the limit of a key."""
    found: int = await connection.fetchval(OPEN_OF, key)
    return found


async def waiting_for_models(connection: Connection) -> int:
    """Return how many decisions wait for a model."""
    waiting: int = await connection.fetchval(WAITING_FOR_MODELS)
    return waiting


async def open_by_lane(connection: Connection) -> dict[str, tuple[int, float]]:
    """Return how many decisions are open and the age of the oldest in seconds, by lane."""
    rows = await connection.fetch(OPEN_BY_LANE, list(LANES))
    return {row["lane"]: (row["open"], row["age"]) for row in rows}


async def coverage(connection: Connection, span: timedelta) -> dict[str, float]:
    """Return the share that models and rules settled, of what was asked lately and is settled, by type."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    rows = await connection.fetch(
        """
        SELECT decision.type, avg((outcome.source IN ('model', 'rule'))::int)::float8 AS coverage
        FROM outcome JOIN decision ON decision.id = outcome.decision_id
        WHERE outcome.decision_id >= $1::uuid AND outcome.kind = 'final' AND outcome.source <> 'cancel'
            AND decision.imported IS NULL
        GROUP BY decision.type
        """,
        first_id(now - span),
    )
    return {row["type"]: row["coverage"] for row in rows}
