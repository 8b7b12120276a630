"""The feed: all outcomes in an order in which none can appear behind a reader.

Commits finish out of order, so neither a sequence nor a time will do. `outcome.xid` is the transaction that wrote the
row, and nothing can appear any more below the oldest transaction that is still running. So the feed, read up to there
in the order of (xid, decision, version), has no gap. A long transaction anywhere on the server holds the feed back,
but nothing is lost.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from adjudge.store import partitions
from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

LONGEST_PAGE: Final = 500
NOT_IN_FEED: Final = 0
"""`outcome.xid` of what came in from elsewhere: never told to anybody."""
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No outcome is older: whoever wants all since the beginning of time gets all."""
REWIND: Final = timedelta(minutes=10)
"""How far a reader is put back after a failover, which may have taken the last commits with it."""
_SCANS: Final = (50, 200, 500, 1_000)
"""Rows that one statement passes over. Written into it: the plan must not depend on a guess."""
_NOBODY = UUID(int=0)


class Position(NamedTuple):
    """A place in the feed. A reader at a position has read all rows up to and including it."""

    xid: int
    decision: UUID = _NOBODY
    version: int = 0


BEGINNING: Final = Position(2)
"""Transactions of users have numbers from 3 on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far somebody has read."""

    position: Position
    at: datetime
    """No outcome settled before this is still to come, give or take a transaction's length."""
    generation: str
    """Of the server that gave the position a meaning; another one numbers its transactions anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for, within what it may see. Unset: everything."""

    type: str | None = None
    location: str | None = None

    def shows(self, scope: Scope, type: str, location: str) -> bool:
        """As the statement decides it, for rows that were read for everybody."""
        return (
            (self.type is None or self.type == type)
            and (self.location is None or self.location == location)
            and scope.sees(location)
        )


EVERYTHING: Final = Wanted()


class Row(msgspec.Struct, frozen=True, gc=False):
    """One outcome with its decision."""

    xid: int
    decision_id: UUID
    version: int
    settled_at: datetime
    type: str
    location: str
    kind: str
    answer: str | None
    source: str
    confidence: float | None
    deciders: list[str]
    reason: str
    certificate: str | None
    subject: str
    facts: str
    revision: int
    asked_at: datetime
    deadline: datetime
    deadline_shown: bool
    trace: str | None

    @property
    def position(self) -> Position:
        return Position(self.xid, self.decision_id, self.version)


@dataclass(frozen=True, slots=True)
class Page:
    """What came after a mark, in order."""

    rows: list[Row]
    mark: Mark
    """Behind the rows, and behind what was passed over because it was not asked for."""
    at_end: bool
    """Nothing more was there at that moment."""
    is_quiet: bool
    """No transaction that may write was running."""


EDGE = """
    SELECT pg_snapshot_xmin(pg_current_snapshot()) AS edge_xid,
        pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) AS edge_quiet,
        clock_timestamp() AS edge_now,
        system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS edge_generation
    FROM pg_control_system()
"""
# What stands next behind a position ($1 to $3), and how far that is.
SCANNED: Final = """
    scanned AS MATERIALIZED (
        SELECT xid, decision_id, version, kind, answer, source, confidence, deciders, reason, certificate, settled_at
        FROM outcome
        WHERE (xid, decision_id, version) > ($1::xid8, $2::uuid, $3::int)
            AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, decision_id, version LIMIT {scan}
    ), last AS (
        SELECT xid AS last_xid, decision_id AS last_decision, version AS last_version, settled_at AS last_settled
        FROM scanned ORDER BY xid DESC, decision_id DESC, version DESC LIMIT 1
    )
"""
# `ANY` beside the join: a week that was never analysed yet is taken for small, and would be read as a whole. Bounds
# beside `ANY`: by them alone PostgreSQL passes over all the weeks in which none of these decisions can be.
ITS_DECISION: Final = """
    decision.id = scanned.decision_id AND decision.id = ANY(ARRAY(SELECT decision_id FROM scanned))
        AND decision.id >= (SELECT decision_id FROM scanned ORDER BY decision_id LIMIT 1)
        AND decision.id <= (SELECT decision_id FROM scanned ORDER BY decision_id DESC LIMIT 1)
"""
# One statement, so that one snapshot says both what is there and up to where nothing can appear any more.
# The header stands in every row; without rows it stands alone.
_PAGE = f"""
    WITH {SCANNED}, shown AS (
        SELECT scanned.*, decision.type, decision.location, decision.subject, decision.facts, decision.revision,
            decision.asked_at, decision.deadline, decision.deadline_shown, decision.trace
        FROM scanned JOIN decision ON {ITS_DECISION}
        WHERE decision.org = $4 AND ($5::text[] IS NULL OR decision.location = ANY($5::text[]))
            AND ($6::text IS NULL OR decision.location = $6) AND ($7::text IS NULL OR decision.type = $7)
        ORDER BY scanned.xid, scanned.decision_id, scanned.version LIMIT $8
    )
    SELECT edge.*, (SELECT count(*) FROM scanned) AS scanned, last.*,
        {", ".join(f"shown.{name}" for name in Row.__struct_fields__)}
    FROM ({EDGE}) AS edge LEFT JOIN last ON true LEFT JOIN shown ON true
    ORDER BY shown.xid, shown.decision_id, shown.version
"""
_HEADER: Final = 9
"""Columns before what is shown."""
PAGES: Final = {scan: _PAGE.format(scan=scan) for scan in _SCANS}

PROBE = """
    SELECT xid, settled_at FROM outcome WHERE (xid, decision_id, version) > ($1::xid8, $2::uuid, 0)
    ORDER BY xid, decision_id, version LIMIT 1
"""


async def read(connection: Connection, scope: Scope, wanted: Wanted, after: Mark, limit: int) -> Page:
    """Return what comes after the mark, at most `limit` outcomes and a bounded number of rows passed over.

    A mark of another generation (the database was restored, or has failed over) means a moment only: it
    is read again from a little before that.
    """
    page = await _page(connection, scope, wanted, after, limit)
    if page.mark.generation == after.generation:
        return page
    return await _page(connection, scope, wanted, await rewound(connection, after, page.mark.generation), limit)


async def edge(connection: Connection) -> Mark:
    """Return the mark behind everything that can be read at this moment."""
    row = await connection.fetchrow(EDGE)
    return Mark(Position(row["edge_xid"]), row["edge_now"], row["edge_generation"])


async def reach(connection: Connection) -> tuple[int, bool]:
    """Return the transaction below which all can be read, and whether none that may write is running."""
    row = await connection.fetchrow(EDGE)
    return row["edge_xid"], row["edge_quiet"]


async def beginning(connection: Connection) -> Mark:
    """Return the mark before the first outcome that is kept."""
    return Mark(BEGINNING, await partitions.oldest(connection), await _generation(connection))


async def since(connection: Connection, moment: datetime) -> Mark:
    """Return a mark before the first outcome settled at the moment or later; up to a transaction earlier."""
    begun = max(moment, EARLIEST)
    position = await position_at(connection, begun - timedelta(seconds=10))
    return Mark(position, begun, await _generation(connection))


async def position_at(connection: Connection, moment: datetime) -> Position:
    """Return a position before all outcomes settled since the moment, by halving: some forty short reads."""
    low = BEGINNING.xid + 1
    high: int = await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())")
    while low < high:
        middle = (low + high) // 2
        found = await connection.fetchrow(PROBE, middle, _NOBODY)
        if found is None or found["settled_at"] >= moment:
            high = middle
        else:
            low = found["xid"] + 1
    return Position(low)


async def rewound(connection: Connection, mark: Mark, generation: str) -> Mark:
    """Return a mark of this generation from a little before one of another."""
    at = mark.at - REWIND
    return Mark(await position_at(connection, at), at, generation)


def behind(header: Any, after: Mark, scan: int) -> Mark:
    """Return the mark behind all that was scanned: the last row where the scan was full, else the edge."""
    at, generation = header["last_settled"] or after.at, header["edge_generation"]
    if header["scanned"] == scan:
        return Mark(Position(header["last_xid"], header["last_decision"], header["last_version"]), at, generation)
    edge = max(Position(header["edge_xid"]), after.position)
    return Mark(edge, header["edge_now"] if header["edge_quiet"] else at, generation)


async def _page(connection: Connection, scope: Scope, wanted: Wanted, after: Mark, limit: int) -> Page:
    is_filtered = scope.locations is not None or wanted != EVERYTHING
    scan = _SCANS[-1] if is_filtered else next(size for size in _SCANS if size >= min(limit, _SCANS[-1]))
    records = await connection.fetch(
        PAGES[scan], *after.position, scope.org, scope.locations, wanted.location, wanted.type, limit
    )
    header, rows = records[0], [Row(*record[_HEADER:]) for record in records if record["xid"] is not None]
    is_full = len(rows) == limit
    if is_full:
        mark = Mark(rows[-1].position, rows[-1].settled_at, header["edge_generation"])
    else:
        mark = behind(header, after, scan)
    return Page(rows, mark, at_end=not is_full and header["scanned"] < scan, is_quiet=header["edge_quiet"])


async def _generation(connection: Connection) -> str:
    return (await edge(connection)).generation
