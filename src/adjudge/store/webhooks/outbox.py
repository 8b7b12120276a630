"""The outbox: who is to be told what, written down behind the feed by one process at a time (ADR 0016).

A page of the feed becomes deliveries in one statement, so that none of its rows travels.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from adjudge.store import duties, feed
from adjudge.store.connecting import Connection

DUTY: Final = "webhooks"
LOCK: Final = 7_203_010

# PostgreSQL expects next to nothing behind the newest rows that it knows of. Planned for the position of each page,
# joins may compare every row with all others, and planning alone would cost as much as 200 rows.
TAKE = "SELECT pg_try_advisory_xact_lock($1), set_config('plan_cache_mode', 'force_generic_plan', true)"

STANDING = """
    SELECT (SELECT cursor #>> '{}' FROM duty WHERE name = $1) AS cursor,
        (SELECT min(told_since) FROM endpoint WHERE stopped_at IS NULL) AS wanted_since
"""

# Its one snapshot has each endpoint that was added before an outcome that it reads was settled. Nothing is written
# by a position that another generation gave. Locations are joined, not looked for in lists: these may be long.
FAN_OUT = f"""
    WITH {feed.SCANNED.format(scan=feed.LONGEST_PAGE)}, edge AS MATERIALIZED ({feed.EDGE}), settled AS MATERIALIZED (
        SELECT scanned.decision_id, scanned.version, scanned.settled_at, decision.location, decision.type
        FROM scanned JOIN decision ON {feed.ITS_DECISION}
        WHERE (SELECT edge_generation FROM edge) = $4
    ), told AS (
        SELECT id, told_since, types, settled.* FROM settled JOIN endpoint ON stopped_at IS NULL AND locations IS NULL
        UNION ALL
        SELECT id, told_since, types, settled.* FROM settled JOIN (
            SELECT id, told_since, types, unnest(locations) AS location FROM endpoint WHERE stopped_at IS NULL
        ) AS wish USING (location)
    ), written AS (
        INSERT INTO delivery (endpoint, decision_id, version)
        SELECT id, decision_id, version FROM told
        WHERE settled_at >= told_since AND (types IS NULL OR type = ANY(types))
        ORDER BY id, decision_id, version ON CONFLICT DO NOTHING
        RETURNING true
    )
    SELECT edge.*, (SELECT count(*) FROM scanned) AS scanned, last.*, (SELECT count(*) FROM written) AS written
    FROM edge LEFT JOIN last ON true
"""

_encode = msgspec.json.Encoder().encode
_mark = msgspec.json.Decoder(feed.Mark)


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of the feed, and written of it."""

    scanned: int
    written: int
    """Deliveries that are new."""
    mark: feed.Mark
    """Behind it."""

    @property
    def at_end(self) -> bool:
        """Nothing more was there at that moment."""
        return self.scanned < feed.LONGEST_PAGE


async def take(connection: Connection) -> bool:
    """Take the fan-out for the length of this transaction; False: another process has it."""
    # An advisory lock: a locked row would take a transaction number at every look.
    taken: bool = await connection.fetchval(TAKE, LOCK)
    return taken


async def standing(connection: Connection) -> tuple[feed.Mark | None, datetime | None]:
    """Return how far the fan-out has come (None: it has never run), and since when anybody wants outcomes."""
    row = await connection.fetchrow(STANDING, DUTY)
    return None if row["cursor"] is None else _mark.decode(row["cursor"]), row["wanted_since"]


async def fan_out(connection: Connection, after: feed.Mark) -> Page:
    """Write the deliveries of what comes next in the feed. How far that is, `advance` records."""
    header = await connection.fetchrow(FAN_OUT, *after.position, after.generation)
    if header["edge_generation"] != after.generation:
        after = await feed.rewound(connection, after, header["edge_generation"])
        header = await connection.fetchrow(FAN_OUT, *after.position, after.generation)
    return Page(header["scanned"], header["written"], feed.behind(header, after, feed.LONGEST_PAGE))


async def advance(connection: Connection, to: feed.Mark) -> None:
    """Record how far the fan-out has come."""
    await duties.advance(connection, DUTY, _encode(to).decode())
