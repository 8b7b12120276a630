"""Decisions as a labelled set wants them: what has changed since a mark, page by page.

Marks are transaction numbers below which nothing can appear any more (`pg_snapshot_xmin`): commits that
finish out of order are missed by no run. Pages are short statements, because one long snapshot would
keep the dead entries of `work` alive for as long as it lasts.

A page is copied as text, because a set is text: to make a value of each field only to write it out again would cost
more than the rest of the export.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from adjudge.store.automation.audits import EXPERT
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
    """A settled decision with all that was said about it; every field is text, empty where there is nothing."""

    id: str
    location: str
    groups: str
    """With a semicolon between two."""
    lane: str
    stake_minor: str
    stake_currency: str
    revision: str
    asked_at: str
    """As JSON has it, in UTC and without an offset."""
    audit: str
    audit_rate: str
    audit_role: str
    imported: str
    space: str
    """JSON of its answer space."""
    truth: str
    """What is known by now, whoever said it; the weightiest, then the latest counts."""
    truth_source: str
    version: str
    answer: str
    source: str
    confidence: str
    settled_at: str
    opinions: tuple[str, ...]
    """JSON: a list for each version, the first version first; without those of people."""


class Said(NamedTuple):
    """A person's answer, in time or too late; text, as above."""

    decision_id: str
    reviewer: str
    answer: str
    seconds: str
    at: str


class Page(NamedTuple):
    """Decisions that come next, and what people said to them: as they were copied."""

    last: UUID
    """The last decision of the page, whether or not it is still kept."""
    decisions: bytes
    votes: bytes


MARK = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"

# The session is the export's own. A hash of a million ids fits into its memory.
MAKE = """
    SET work_mem = '32MB';
    CREATE TEMPORARY TABLE IF NOT EXISTS changed (id uuid PRIMARY KEY);
    TRUNCATE changed
"""

# An outcome is there, and it is no cancellation: what is open or was withdrawn is no example of anything. In order:
# a temporary table has few buffers, and an index that grows everywhere at once goes through all of them for a row.
_COLLECT = """
    INSERT INTO changed
    SELECT decision.id FROM decision
    WHERE decision.org = $1 AND decision.type = $2 AND ($3::text[] IS NULL OR decision.location = ANY($3::text[]))
        AND decision.id >= $4::uuid AND decision.id < $5::uuid
        AND ($6::timestamptz IS NULL OR decision.asked_at >= $6)
        AND ($7::timestamptz IS NULL OR decision.asked_at < $7)
        AND EXISTS (SELECT FROM outcome WHERE outcome.decision_id = decision.id AND outcome.kind = 'final'
            AND outcome.source <> 'cancel' AND outcome.xid < $8::text::xid8)
"""
_IN_ORDER = "ORDER BY decision.id"
COLLECT = f"{_COLLECT} {_IN_ORDER}"
COLLECT_SINCE = f"""{_COLLECT}
        AND (decision.id IN (
                SELECT decision_id FROM outcome WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8
                UNION ALL SELECT decision_id FROM label WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8
                UNION ALL SELECT decision_id FROM vote WHERE xid >= $9::text::xid8 AND xid < $8::text::xid8)
            OR decision.imported IN (SELECT number FROM data_import WHERE xid >= $9::text::xid8))
    {_IN_ORDER}
"""

SPACES = """
    SELECT (facts -> 'space')::text AS space FROM changed JOIN decision USING (id)
    GROUP BY 1 ORDER BY min(number)
"""

LAST_OF_PAGE = """
    SELECT id FROM (SELECT id FROM changed WHERE id > $1 ORDER BY id LIMIT $2) AS page ORDER BY id DESC LIMIT 1
"""

# Every table is read over the ids of the page: whatever the planner joins them by, all pages of a run read no
# row of it twice. One line a version, the latest of a decision last.
PAGE = f"""
    SELECT decision.id, decision.location, array_to_string(decision.groups, ';'), decision.lane, decision.stake_minor,
        decision.stake_currency, decision.revision, to_json(decision.asked_at AT TIME ZONE 'UTC'),
        decision.audit::text, decision.audit_rate, decision.audit_role, (decision.imported IS NOT NULL)::text,
        decision.facts -> 'space', truth.answer, truth.source,
        outcome.version, outcome.answer, outcome.source, outcome.confidence,
        to_json(outcome.settled_at AT TIME ZONE 'UTC'),
        jsonb_path_query_array(outcome.path, '$[*] ? (@.kind == "opinion" && !(@.source == "reviewer"))')
    FROM changed JOIN decision ON decision.id = changed.id JOIN outcome ON outcome.decision_id = changed.id
        LEFT JOIN (
            SELECT DISTINCT ON (decision_id) decision_id, answer, source FROM label
            WHERE decision_id > $1 AND decision_id <= $2 AND source <> '{LATE_VOTE}'
            ORDER BY decision_id, weight DESC, at DESC
        ) AS truth ON truth.decision_id = changed.id
    WHERE changed.id > $1 AND changed.id <= $2 AND decision.id > $1 AND decision.id <= $2
        AND outcome.decision_id > $1 AND outcome.decision_id <= $2
    ORDER BY decision.id, outcome.version
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

# An expert's word of an audit is its truth: whoever was judged by their own word would always be right.
VOTES = f"""
    SELECT decision_id, reviewer, answer, seconds, to_json(said.at AT TIME ZONE 'UTC') FROM changed JOIN (
        SELECT decision_id, reviewer, answer, seconds, answered_at AS at FROM vote
        WHERE decision_id > $1 AND decision_id <= $2 AND NOT (purpose = 'truth' AND stage = {EXPERT})
        UNION ALL
        SELECT decision_id, source_ref, answer, NULL, at FROM label
        WHERE decision_id > $1 AND decision_id <= $2 AND source = '{LATE_VOTE}'
    ) AS said ON decision_id = id
    WHERE id > $1 AND id <= $2
    ORDER BY decision_id, said.at, reviewer
"""

_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


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


async def page(connection: Connection, after: UUID, limit: int) -> Page | None:
    """Return the collected decisions that come after an id, in order of id; None: there are no more."""
    last = await connection.fetchval(LAST_OF_PAGE, after, limit)
    if last is None:
        return None
    return Page(last, await _copied(connection, PAGE, after, last), await _copied(connection, VOTES, after, last))


def recorded(page: Page) -> Iterator[Recorded]:
    """Yield the decisions of a page, in order of id."""
    before: Recorded | None = None
    for *known, opinions in _lines(page.decisions):
        each = Recorded._make((*known, (opinions,)))
        if before is not None and before.id == each.id:
            each = each._replace(opinions=before.opinions + each.opinions)
        elif before is not None:
            yield before
        before = each
    if before is not None:
        yield before


def said(page: Page) -> Iterator[Said]:
    """Yield what people said to the decisions of a page: by decision, then in the order in which they said it."""
    return map(Said._make, _lines(page.votes))


async def _copied(connection: Connection, query: str, after: UUID, last: UUID) -> bytes:
    """Return the rows as PostgreSQL's COPY writes them: planned for these very ids, and sent as they are found."""
    found: list[bytes] = []

    async def add(chunk: bytes) -> None:
        found.append(chunk)

    await connection.copy_from_query(query, after, last, output=add, format="text", null="", encoding="utf-8")
    return b"".join(found)


def _lines(copied: bytes) -> Iterator[list[str]]:
    """Yield the fields of each row."""
    for line in copied.decode().split("\n")[:-1]:
        fields = line.split("\t")
        yield [_ESCAPED.sub(_meant, field) for field in fields] if "\\" in line else fields


def _meant(escaped: re.Match[str]) -> str:
    return _MEANT.get(escaped[1], escaped[1])
