"""Partitions by week of the UUIDv7 decision id: made ahead, filled aside, then attached.

`CREATE TABLE … PARTITION OF` would wait for every open read, and stop intake meanwhile. A plain table with the bounds
as a CHECK is attached without a scan, and under a lock that waits for no reader.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from adjudge.store.connecting import Connection

TABLES = {
    "decision": "id",
    "evidence": "decision_id",
    "outcome": "decision_id",
    "decision_event": "decision_id",
    "assignment": "decision_id",
    "vote": "decision_id",
    "label": "decision_id",
    "shadow_opinion": "decision_id",
}
AHEAD = 3
"""Weeks that must exist beyond the current one."""
ONE_AT_A_TIME = 7_203_002

EXISTING = """
    SELECT parent.relname AS parent, child.relname AS child
    FROM pg_inherits JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
    WHERE parent.relname = ANY($1::text[]) AND child.relkind = 'r'
"""


def week_of(moment: datetime) -> datetime:
    """Return the Monday 00:00 UTC at or before the moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def first_id(moment: datetime) -> str:
    """Return the smallest UUIDv7 of the moment."""
    digits = f"{int(moment.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


async def ensure(connection: Connection, *, ahead: int = AHEAD) -> list[str]:
    """Make and attach what is missing for this week and those ahead; return the names made."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        await connection.execute("SET LOCAL lock_timeout = '3s'")
        now = await connection.fetchval("SELECT clock_timestamp()")
        this = week_of(now)
        # the last week too: ids minted just before midnight
        return await _make_missing(connection, (this + timedelta(weeks=week) for week in range(-1, ahead + 1)))


async def cover(connection: Connection, weeks: Iterable[datetime]) -> list[str]:
    """Make and attach what is missing for these weeks (their Mondays); return the names made."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        await connection.execute("SET LOCAL lock_timeout = '3s'")
        return await _make_missing(connection, weeks)


async def weeks_ahead(connection: Connection) -> int:
    """Return how many weeks beyond the current one exist in every table; -1: the current one is missing."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    existing = {row["child"] for row in await connection.fetch(EXISTING, list(TABLES))}
    week = 0
    while all(name_of(table, week_of(now) + timedelta(weeks=week)) in existing for table in TABLES):
        week += 1
    return week - 1


async def _make_missing(connection: Connection, weeks: Iterable[datetime]) -> list[str]:
    existing = {row["child"] for row in await connection.fetch(EXISTING, list(TABLES))}
    known = [table for table in TABLES if await connection.fetchval("SELECT to_regclass($1)", table)]
    made = []
    for start in weeks:
        for table in known:  # an older schema, on its way to this one, has not all of them
            if name_of(table, start) not in existing:
                await _make(connection, table, start)
                made.append(name_of(table, start))
    return made


async def oldest(connection: Connection) -> datetime:
    """Return from when on outcomes are kept: the start of the oldest week. Raises ValueError where there is none."""
    weeks = [row["child"] for row in await connection.fetch(EXISTING, ["outcome"])]
    return datetime.strptime(min(weeks), "outcome_%Y%m%d").replace(tzinfo=UTC)


async def _make(connection: Connection, table: str, start: datetime) -> None:
    """Create aside with the bounds as CHECK, then attach: no reader is waited for."""
    name, key = name_of(table, start), TABLES[table]
    low, high = first_id(start), first_id(start + timedelta(weeks=1))
    truncating = "refuse_change()"
    await connection.execute(f"""
        CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES,
            CONSTRAINT {name}_bounds CHECK ({key} >= '{low}' AND {key} < '{high}'));
        ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}');
        ALTER TABLE {name} DROP CONSTRAINT {name}_bounds;
        CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name}
            FOR EACH STATEMENT EXECUTE FUNCTION {truncating};
    """)


def name_of(table: str, start: datetime) -> str:
    return f"{table}_{start:%Y%m%d}"
