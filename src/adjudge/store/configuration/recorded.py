"""Recent decisions as they were recorded, on which a change of configuration is tried out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from adjudge.core.events import HistoryEvent, read_events
from adjudge.core.history import Case
from adjudge.store.connecting import Connection
from adjudge.store.partitions import first_id
from adjudge.store.work import read_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A settled decision."""

    id: UUID
    case: Case
    source: str
    answer: str | None
    cost: dict[str, int]
    """Micros by currency."""
    path: tuple[HistoryEvent, ...]
    subject: dict[str, str]


TRAFFIC = """
    SELECT location, type, count(*)::double precision AS decisions FROM decision
    WHERE org = 1 AND id >= $1 GROUP BY location, type
"""

# `final` is the answer that the plan gave; what amended it came from elsewhere. Each decision has the same chance.
SAMPLE = """
    WITH picked AS MATERIALIZED (
        SELECT id, facts, subject FROM decision WHERE org = 1 AND id >= $1 AND random() < $2 ORDER BY id DESC LIMIT $3
    )
    SELECT picked.id, picked.facts, picked.subject, last.source, last.answer, last.cost,
        ARRAY(SELECT path::text FROM outcome WHERE decision_id = picked.id AND kind <> 'amended' ORDER BY version)
            AS paths
    FROM picked JOIN outcome AS last ON last.decision_id = picked.id AND last.kind = 'final'
    WHERE last.source <> 'cancel'
"""


async def traffic(connection: Connection, span: timedelta) -> dict[tuple[str, str], float]:
    """Return decisions a day by (location, type), as they came in the time past."""
    since = await _since(connection, span)
    days = span / timedelta(days=1)
    return {(row["location"], row["type"]): row["decisions"] / days for row in await connection.fetch(TRAFFIC, since)}


async def sample(connection: Connection, span: timedelta, most: int) -> Sequence[Recorded]:
    """Return settled decisions of the time past: all, or as many as are wanted, each with the same chance."""
    since = await _since(connection, span)
    asked: int = await connection.fetchval("SELECT count(*) FROM decision WHERE org = 1 AND id >= $1", since)
    share = min(1.0, most * 1.1 / asked) if asked else 1.0
    return [
        Recorded(
            id=row["id"],
            case=read_case(row["facts"]),
            source=row["source"],
            answer=row["answer"],
            cost=msgspec.json.decode(row["cost"], type=dict[str, int]),
            subject=msgspec.json.decode(row["subject"], type=dict[str, str]),
            path=tuple(event for path in row["paths"] for event in read_events(path)),
        )
        for row in await connection.fetch(SAMPLE, since, share, most)
    ]


async def _since(connection: Connection, span: timedelta) -> UUID:
    return UUID(first_id(await connection.fetchval("SELECT clock_timestamp() - $1::interval", span)))
