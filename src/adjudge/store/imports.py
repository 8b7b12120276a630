"""Imports: past decisions from elsewhere, with their real times. They are in no feed, and nobody is told of them.

Rows are first gathered in temporary tables, because files have them in any order, and then written a page at a time.
Ids follow from the items, so a page that is written twice changes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from adjudge.core.outcomes import OutcomeSource
from adjudge.store.connecting import Connection
from adjudge.store.feed import NOT_IN_FEED

GATHER_SECONDS = 600.0
IMPORTED_BY = "import"
"""Principal and reporter of what was imported."""


class Item(NamedTuple):
    """A past decision as its set has it."""

    item: str
    id: UUID
    location: str
    groups: str
    """Separated by `;`."""
    lane: str
    asked_at: datetime
    settled_at: datetime | None
    stake_minor: int | None
    stake_currency: str | None
    audit: bool
    audit_rate: float
    audit_role: str
    truth: str | None
    truth_source: str | None
    answer: str | None
    source: OutcomeSource | None
    confidence: float | None
    candidates: str | None
    """JSON list; None: all labels."""


class Gathered(NamedTuple):
    """A decision with what deciders and people said of it, each in order."""

    item: Item
    scores: list[tuple[str, str]]
    """(decider, JSON of its distribution)."""
    answers: list[tuple[str, str, float | None, datetime | None]]
    """(reviewer, answer, seconds, when); None: unknown."""


class NewPast(NamedTuple):
    """The rows of one imported decision."""

    id: UUID
    location: str
    groups: str
    lane: str
    subject: str
    stake_minor: int | None
    stake_currency: str | None
    facts: str
    asked_at: datetime
    audit: bool
    audit_rate: float
    audit_role: str
    answer: str
    source: str
    confidence: float | None
    deciders: str
    """Comma-separated."""
    votes: int
    path: str
    settled_at: datetime


class PastVote(NamedTuple):
    """A row of `vote`."""

    decision_id: UUID
    reviewer: str
    answer: str
    seconds: float | None
    answered_at: datetime


class PastTruth(NamedTuple):
    """A row of `label`."""

    decision_id: UUID
    source: str
    answer: str


MAKE = """
    CREATE TEMPORARY TABLE past_item (item text PRIMARY KEY, id uuid UNIQUE, location text, groups text, lane text,
        asked_at timestamptz, settled_at timestamptz, stake_minor bigint, stake_currency text, audit boolean,
        audit_rate real, audit_role text, truth text, truth_source text, answer text, source text,
        confidence double precision, candidates text);
    CREATE TEMPORARY TABLE past_score (item text, decider text, distribution text);
    CREATE TEMPORARY TABLE past_answer (item text, place bigint, reviewer text, answer text, seconds real,
        at timestamptz)
"""
_said = msgspec.json.Decoder(list[tuple[str, str, float | None, datetime | None]]).decode

INDEX = """
    CREATE INDEX ON past_score (item);
    CREATE INDEX ON past_answer (item);
    ANALYZE past_item;
    ANALYZE past_score;
    ANALYZE past_answer
"""
WEEKS = "SELECT DISTINCT date_trunc('week', asked_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS week FROM past_item"
STRANGE = """
    SELECT item FROM past_score WHERE NOT EXISTS (SELECT FROM past_item WHERE past_item.item = past_score.item)
    UNION ALL
    SELECT item FROM past_answer WHERE NOT EXISTS (SELECT FROM past_item WHERE past_item.item = past_answer.item)
    LIMIT 1
"""
MISTYPED = """
    SELECT past_item.item, decision.type FROM past_item JOIN decision ON decision.id = past_item.id
    WHERE decision.type <> $1 LIMIT 1
"""
PAGE = """
    SELECT past_item.*,
        ARRAY(SELECT ARRAY[decider, distribution] FROM past_score WHERE past_score.item = past_item.item
            ORDER BY decider) AS scores,
        (SELECT json_agg(json_build_array(reviewer, answer, seconds, at) ORDER BY place)::text
            FROM past_answer WHERE past_answer.item = past_item.item) AS answers
    FROM past_item WHERE id > $1 ORDER BY id LIMIT $2
"""

BEGIN = "INSERT INTO data_import (name, type, imported_by) VALUES ($1, $2, $3) RETURNING number"
FINISH = "UPDATE data_import SET finished_at = clock_timestamp(), xid = pg_current_xact_id() WHERE number = $1"
COUNT = "UPDATE data_import SET items = items + $2, xid = pg_current_xact_id() WHERE number = $1"

_KINDS = {
    "id": "uuid",
    "stake_minor": "bigint",
    "facts": "jsonb",
    "subject": "jsonb",
    "asked_at": "timestamptz",
    "settled_at": "timestamptz",
    "audit": "boolean",
    "audit_rate": "real",
    "confidence": "double precision",
    "votes": "smallint",
    "path": "jsonb",
}
_UNNEST = ", ".join(f"${n}::{_KINDS.get(name, 'text')}[]" for n, name in enumerate(NewPast._fields, 3))
WRITE = f"""
    WITH new AS MATERIALIZED (SELECT * FROM unnest({_UNNEST}) AS new ({", ".join(NewPast._fields)})),
    written AS (
        INSERT INTO decision (id, type, location, groups, lane, subject, stake_minor, stake_currency, facts, revision,
            plan_hash, principal, asked_at, deadline, deadline_shown, evidence_hash, audit, audit_rate, audit_role,
            audit_key, audit_policy, imported)
        SELECT id, $1, location, string_to_array(groups, ';'), lane, subject, stake_minor, stake_currency, facts, 0, '',
            '{IMPORTED_BY}', asked_at, settled_at, false, '', audit, audit_rate, audit_role, '', 0, $2
        FROM new ORDER BY id ON CONFLICT DO NOTHING RETURNING id
    ), settled AS (
        INSERT INTO outcome (decision_id, version, kind, answer, source, confidence, deciders, reason, code, relied,
            attempt_id, votes, cost, path, settled_at, xid)
        SELECT id, 1, 'final', answer, source, confidence,
            CASE WHEN deciders = '' THEN '{{}}' ELSE string_to_array(deciders, ',') END, 'imported', 'imported',
            '[]', id, votes, '{{}}', path, settled_at, '{NOT_IN_FEED}'
        FROM new WHERE id IN (SELECT id FROM written)
    )
    SELECT id FROM written
"""
WRITE_VOTES = """
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at,
        answered_at, why)
    SELECT id, reviewer, id, 'stage', 0, 0, '', answer, seconds, at, at, 'imported'
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::real[], $5::timestamptz[])
        AS new (id, reviewer, answer, seconds, at)
    ON CONFLICT DO NOTHING
"""
WRITE_TRUTH = f"""
    INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
    SELECT id, source, '', answer, '{IMPORTED_BY}', 1, true
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, source, answer)
    ON CONFLICT DO NOTHING
"""


async def gather(connection: Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Stream rows into a table of this connection's own: `item`, `score` or `answer`."""
    await connection.copy_records_to_table(f"past_{table}", records=rows, timeout=GATHER_SECONDS)


async def prepare(connection: Connection) -> None:
    """Make the tables that are gathered in."""
    await connection.execute("DROP TABLE IF EXISTS past_item, past_score, past_answer")
    await connection.execute(MAKE)


async def gathered(connection: Connection) -> tuple[list[datetime], str | None]:
    """End the gathering; return the weeks of the items, and an item that something was said of but is not there."""
    await connection.execute(INDEX, timeout=GATHER_SECONDS)
    weeks = [row["week"] for row in await connection.fetch(WEEKS, timeout=GATHER_SECONDS)]
    return weeks, await connection.fetchval(STRANGE, timeout=GATHER_SECONDS)


async def mistyped(connection: Connection, question_type: str) -> tuple[str, str] | None:
    """Return a gathered item that is there already, but as one of another type, and that type."""
    row = await connection.fetchrow(MISTYPED, question_type, timeout=GATHER_SECONDS)
    return None if row is None else (row["item"], row["type"])


async def page(connection: Connection, after: UUID, limit: int) -> list[Gathered]:
    """Return gathered decisions that come after an id, in order of id."""
    found = []
    for row in await connection.fetch(PAGE, after, limit, timeout=GATHER_SECONDS):
        *item, scores, answers = row
        said = _said(answers) if answers else []
        found.append(Gathered(Item(*item), [(decider, text) for decider, text in scores], said))
    return found


async def begin(connection: Connection, name: str, question_type: str, by: str) -> int:
    """Record that an import begins; return its number."""
    number: int = await connection.fetchval(BEGIN, name, question_type, by)
    return number


async def write(
    connection: Connection,
    number: int,
    question_type: str,
    past: Sequence[NewPast],
    votes: Sequence[PastVote],
    truths: Sequence[PastTruth],
) -> int:
    """Write a page in one transaction; return how many of its decisions were not there yet."""
    async with connection.transaction():
        rows = await connection.fetch(WRITE, question_type, number, *zip(*past, strict=True))
        new = {row["id"] for row in rows}
        await connection.execute(WRITE_VOTES, *_columns([vote for vote in votes if vote.decision_id in new], PastVote))
        kept = [truth for truth in truths if truth.decision_id in new]
        await connection.execute(WRITE_TRUTH, *_columns(kept, PastTruth))
        await connection.execute(COUNT, number, len(new))
    return len(new)


async def finish(connection: Connection, number: int) -> None:
    """Record that an import is done."""
    await connection.execute(FINISH, number)


def _columns(rows: Sequence[tuple[object, ...]], kind: type[PastVote] | type[PastTruth]) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(len(kind._fields))]
