"""Decisions as a labelled set wants them: what has changed since a mark, page by page.

Marks are transaction numbers below which nothing can appear any more (`pg_snapshot_xmin`): commits that
finish out of order are missed by no run. Pages are short statements, because one long snapshot would
keep the dead entries of `work` alive for as long as it lasts.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from adjudge.store.connecting import Connection
from adjudge.store.decisions import EPOCH, FIRST, LAST, MINTING
from adjudge.store.labels import LATE_VOTE
from adjudge.store.partitions import first_id
from adjudge.store.scope import ORGANISATION

COLLECT_SECONDS = 600.0
"""Collecting is one statement over all that was ever asked."""
NOTHING_BEFORE = "0"
"""The mark from which everything is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which decisions belong to the set."""

    type: str
    locations: tuple[str, ...] | None = None
    """None: all."""
    since: datetime | None = None
    """Asked at or after."""
    until: datetime | None = None
    """Asked before."""


class Recorded(NamedTuple):
    """A settled decision with all that was said about it."""

    id: UUID
    location: str
    groups: list[str]
    lane: str
    stake_minor: int | None
    stake_currency: str | None
    revision: int
    asked_at: datetime
    audit: bool
    audit_rate: float
    audit_role: str
    imported: bool
    space: str
    """JSON of its answer space."""
    version: int
    answer: str | None
    source: str
    confidence: float | None
    settled_at: datetime
    truth: str | None
    """What is known by now, whoever said it; the weightiest, then the latest counts."""
    truth_source: str | None
    paths: list[str]


class Said(NamedTuple):
    """A person's answer, in time or too late."""

    decision_id: UUID
    reviewer: str
    answer: str
    seconds: float | None
    at: datetime


MARK = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"

MAKE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS changed (id uuid PRIMARY KEY);
    TRUNCATE changed
"""

# An outcome is there, and it is no cancellation: what is open or was withdrawn is no example of anything.
COLLECT = """
    INSERT INTO changed
    SELECT decision.id FROM decision
    WHERE decision.org = $1 AND decision.type = $2 AND ($3::text[] IS NULL OR decision.location = ANY($3::text[]))
        AND decision.id >= $4::uuid AND decision.id < $5::uuid
        AND ($6::timestamptz IS NULL OR decision.asked_at >= $6)
        AND ($7::timestamptz IS NULL OR decision.asked_at < $7)
        AND EXISTS (SELECT FROM outcome WHERE outcome.decision_id = decision.id AND outcome.kind = 'final'
            AND outcome.source <> 'cancel' AND outcome.xid < $8::text::xid8)
"""
COLLECT_SINCE = f"""{COLLECT}
        AND (decision.id IN (
                SELECT decision_id FROM outcome WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8
                UNION ALL SELECT decision_id FROM label WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8
                UNION ALL SELECT decision_id FROM vote WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8)
            OR decision.imported IN (SELECT number FROM data_import WHERE xid >= $9::text::xid8))
"""

SPACES = """
    SELECT (facts -> 'space')::text AS space FROM changed JOIN decision USING (id)
    GROUP BY 1 ORDER BY min(number)
"""

PAGE = f"""
    WITH page AS MATERIALIZED (SELECT id FROM changed WHERE id > $1 ORDER BY id LIMIT $2)
    SELECT decision.id, decision.location, decision.groups, decision.lane, decision.stake_minor,
        decision.stake_currency, decision.revision, decision.asked_at, decision.audit, decision.audit_rate,
        decision.audit_role, decision.imported IS NOT NULL AS imported, (decision.facts -> 'space')::text AS space,
        latest.version, latest.answer, latest.source, latest.confidence, latest.settled_at,
        truth.answer AS truth, truth.source AS truth_source,
        CASE WHEN latest.version = 1 THEN ARRAY[latest.path::text] ELSE ARRAY(
            SELECT path::text FROM outcome WHERE outcome.decision_id = decision.id ORDER BY version) END AS paths
    FROM page JOIN decision USING (id)
        CROSS JOIN LATERAL (
            SELECT * FROM outcome WHERE outcome.decision_id = page.id ORDER BY version DESC LIMIT 1
        ) AS latest
        LEFT JOIN LATERAL (
            SELECT answer, source FROM label WHERE label.decision_id = page.id AND label.source <> '{LATE_VOTE}'
            ORDER BY weight DESC, at DESC LIMIT 1
        ) AS truth ON true
    ORDER BY decision.id
"""

TYPES = """
    WITH RECURSIVE found AS (
        SELECT (SELECT min(type) FROM decision WHERE org = $1) AS type
        UNION ALL
        SELECT (SELECT min(type) FROM decision WHERE org = $1 AND type > found.type) FROM found
        WHERE found.type IS NOT NULL
    )
    SELECT type FROM found WHERE type IS NOT NULL
"""

VOTES = f"""
    SELECT decision_id, reviewer, answer, seconds, answered_at AS at FROM vote WHERE decision_id = ANY($1::uuid[])
    UNION ALL
    SELECT decision_id, source_ref, answer, NULL, at FROM label
    WHERE decision_id = ANY($1::uuid[]) AND source = '{LATE_VOTE}'
    ORDER BY decision_id, at, reviewer
"""


async def mark(connection: Connection) -> str:
    """Return the transaction below which everything is visible now."""
    found: str = await connection.fetchval(MARK)
    return found


async def collect(connection: Connection, wanted: Wanted, since_mark: str, until_mark: str) -> int:
    """Note for this connection which decisions have changed from one mark to another; return how many."""
    low = UUID(first_id(wanted.since - MINTING)) if wanted.since and wanted.since > EPOCH + MINTING else FIRST
    high = UUID(first_id(wanted.until + MINTING)) if wanted.until else LAST
    given = (ORGANISATION, wanted.type, wanted.locations, low, high, wanted.since, wanted.until, until_mark)
    await connection.execute(MAKE)
    if since_mark == NOTHING_BEFORE:
        await connection.execute(COLLECT, *given, timeout=COLLECT_SECONDS)
    else:
        await connection.execute(COLLECT_SINCE, *given, since_mark, timeout=COLLECT_SECONDS)
    await connection.execute("ANALYZE changed")
    count: int = await connection.fetchval("SELECT count(*) FROM changed")
    return count


async def types(connection: Connection) -> list[str]:
    """Return the question types of which anything is on record, sorted."""
    return [row["type"] for row in await connection.fetch(TYPES, ORGANISATION)]


async def spaces(connection: Connection) -> AsyncIterator[str]:
    """Yield the answer spaces of what was collected, as JSON, in the order in which they first came up."""
    async with connection.transaction():
        async for row in connection.cursor(SPACES, prefetch=500, timeout=COLLECT_SECONDS):
            yield row["space"]


async def page(connection: Connection, after: UUID, limit: int) -> list[Recorded]:
    """Return the collected decisions that come after an id, in order of id."""
    return [Recorded(*row) for row in await connection.fetch(PAGE, after, limit)]


async def votes(connection: Connection, ids: Sequence[UUID]) -> list[Said]:
    """Return what people said to these decisions: by decision, then in the order in which they said it."""
    return [Said(*row) for row in await connection.fetch(VOTES, list(ids))]
