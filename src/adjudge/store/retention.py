"""Retention: whole weeks are dropped, never rows; and what was dropped stays on record.

A partition is detached concurrently, which waits for its readers but makes nobody wait, and then dropped. A run that
was cut off is continued by the next: it finds tables by name, whether attached, half detached or detached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from adjudge.store import partitions
from adjudge.store.connecting import Connection
from adjudge.store.partitions import first_id

Kind: TypeAlias = Literal["decisions", "evidence"]

TABLES: Final[dict[Kind, tuple[str, ...]]] = {
    # The decision itself last: until it is gone, another run finds the week.
    "decisions": ("evidence", "assignment", "vote", "label", "shadow_opinion", "decision_event", "outcome", "decision"),
    "evidence": ("evidence",),
}
ONE_AT_A_TIME: Final = 7_203_004
DETACH_SECONDS: Final = 120.0
"""It waits for every transaction that may still read the partition."""
PAGE_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week of decisions, or of their evidence, that is older than it may be kept."""

    kind: Kind
    monday: date
    bytes: int

    @property
    def start(self) -> datetime:
        return datetime(self.monday.year, self.monday.month, self.monday.day, tzinfo=UTC)

    @property
    def ids(self) -> tuple[UUID, UUID]:
        """The first id of the week and the first after it."""
        return UUID(first_id(self.start)), UUID(first_id(self.start + timedelta(weeks=1)))

    @property
    def tables(self) -> Sequence[tuple[str, str]]:
        """(table, its partition) of all that goes."""
        return [(table, partitions.name_of(table, self.start)) for table in TABLES[self.kind]]


THERE = """
    SELECT substring(relname FROM '[0-9]{8}$') AS week, sum(pg_total_relation_size(oid))::bigint AS bytes
    FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        AND relname ~ ('^(' || array_to_string($1::text[], '|') || ')_[0-9]{8}$')
    GROUP BY 1 ORDER BY 1
"""

HOLDING = """
    SELECT (SELECT count(*) FROM work WHERE decision_id >= $1 AND decision_id < $2)
        + (SELECT count(*) FROM delivery
            WHERE state IN ('waiting', 'sending') AND decision_id >= $1 AND decision_id < $2)
"""

BEGIN = """
    INSERT INTO retention (kind, week, dropped_by) VALUES ($1, $2, $3)
    ON CONFLICT (org, kind, week) DO UPDATE SET dropped_by = excluded.dropped_by, began_at = clock_timestamp(),
        done_at = NULL
"""
FINISH = "UPDATE retention SET done_at = clock_timestamp() WHERE kind = $1 AND week = $2"

ATTACHED = """
    SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhparent = to_regclass($2)
"""

FORGET_TASKS = """
    DELETE FROM review_task WHERE id IN (
        SELECT id FROM review_task WHERE decision_id >= $1 AND decision_id < $2 LIMIT $3)
"""
FORGET_DELIVERIES = """
    DELETE FROM delivery WHERE state IN ('delivered', 'parked') AND decision_id >= $1 AND decision_id < $2
"""

GONE = "SELECT EXISTS (SELECT FROM retention WHERE kind = 'decisions' AND week = $1)"


async def due(connection: Connection, kind: Kind, before: datetime) -> list[Week]:
    """Return the weeks that ended before a moment and still have tables, oldest first."""
    rows = await connection.fetch(THERE, list(TABLES[kind]))
    weeks = (
        Week(kind=kind, monday=datetime.strptime(row["week"], "%Y%m%d").date(), bytes=row["bytes"]) for row in rows
    )
    return [week for week in weeks if week.start + timedelta(weeks=1) <= before]


async def holding(connection: Connection, week: Week) -> int:
    """Return how many open decisions and unsent deliveries are in the week: it is kept for them."""
    count: int = await connection.fetchval(HOLDING, *week.ids)
    return count


async def drop(connection: Connection, week: Week, by: str) -> None:
    """Drop a week. Not in a transaction: what was detached stays so."""
    await connection.execute(BEGIN, week.kind, week.monday, by)
    for table, partition in week.tables:
        await _detach(connection, table, partition)
        await connection.execute(f"DROP TABLE IF EXISTS {partition}", timeout=DETACH_SECONDS)
    if week.kind == "decisions":
        await _forget(connection, week)
    await connection.execute(FINISH, week.kind, week.monday)


async def lock(connection: Connection) -> bool:
    """Keep other retention runs out until `unlock`; return False where one is under way."""
    locked: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", ONE_AT_A_TIME)
    return locked


async def unlock(connection: Connection) -> None:
    """Let other runs in."""
    await connection.execute("SELECT pg_advisory_unlock($1)", ONE_AT_A_TIME)


async def is_gone(connection: Connection, decision: UUID) -> bool:
    """Return whether the decision's week was dropped: it is not unknown, but gone."""
    try:
        moment = datetime.fromtimestamp((decision.int >> 80) / 1000, UTC)
    except (OverflowError, ValueError):  # an id that was never minted: of a year beyond 9999
        return False
    gone: bool = await connection.fetchval(GONE, partitions.week_of(moment).date())
    return gone


async def _detach(connection: Connection, table: str, partition: str) -> None:
    """Detach a partition, or finish where a run before was cut off."""
    pending = await connection.fetchval(ATTACHED, partition, table)
    if pending is not None:
        how = "FINALIZE" if pending else "CONCURRENTLY"
        await connection.execute(f"ALTER TABLE {table} DETACH PARTITION {partition} {how}", timeout=DETACH_SECONDS)


async def _forget(connection: Connection, week: Week) -> None:
    """Delete what is not partitioned, a page at a time."""
    while await connection.execute(FORGET_TASKS, *week.ids, PAGE_ROWS) != "DELETE 0":
        pass
    await connection.execute(FORGET_DELIVERIES, *week.ids)
