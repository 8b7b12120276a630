"""Erasures: whose evidence and subject are to be removed, how far that has come, and the record that it was done.

There is no index on subjects, because every question would pay for it. Instead windows of ids are searched one after
the other, each in a short transaction, and the row remembers how far the search has come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec.json import encode

from adjudge.store.connecting import Connection
from adjudge.store.scope import Scope

WINDOW_ROWS = 20_000
WINDOW_SECONDS = 30.0
LONGEST_LIST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What may be known of an erasure: never whose it was."""

    id: UUID
    decision_id: UUID | None
    fields: list[str]
    """Names of the subject's fields that were given."""
    reason: str
    requested_by: str
    requested_at: datetime
    erased: int
    """Decisions that lost something by it, so far."""
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An erasure that is not done, held by this transaction."""

    id: UUID
    subject: str
    locations: list[str] | None
    reason: str
    requested_by: str
    cursor: UUID


COLUMNS = "id, decision_id, fields, reason, requested_by, requested_at, erased, done_at"

REQUEST = f"""
    INSERT INTO erasure (id, org, subject, fields, locations, reason, requested_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {COLUMNS}
"""

# The key must see the location of the decision; one row says who asked for it and that it was done.
ERASE_ONE = f"""
    WITH found AS (
        SELECT id, erase_decision(id) AS erased FROM decision
        WHERE id = $2 AND org = $3 AND ($4::text[] IS NULL OR location = ANY($4::text[]))
    )
    INSERT INTO erasure (id, org, decision_id, fields, locations, reason, requested_by, erased, done_at)
    SELECT $1, $3, id, '{{}}', $4, $5, $6, erased::int, clock_timestamp() FROM found RETURNING {COLUMNS}
"""

NEXT = """
    SELECT id, subject, locations, reason, requested_by, cursor FROM erasure
    WHERE done_at IS NULL ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""

WINDOW = """
    WITH passed AS MATERIALIZED (
        SELECT id, subject, location FROM decision WHERE id > $1 ORDER BY id LIMIT $2
    ), matching AS MATERIALIZED (
        SELECT id FROM passed WHERE subject @> $3::jsonb AND ($4::text[] IS NULL OR location = ANY($4::text[]))
    )
    SELECT (SELECT id FROM passed ORDER BY id DESC LIMIT 1) AS last,
        ARRAY(SELECT id FROM matching WHERE erase_decision(id) ORDER BY id) AS erased
"""

EVENT = """
    INSERT INTO decision_event (decision_id, event_id, body)
    SELECT id, gen_random_uuid(), jsonb_build_object('kind', 'erased', 'v', 1, 'at',
        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'erasure', $2::uuid, 'by', $3::text, 'reason', $4::text)
    FROM unnest($1::uuid[]) AS id
"""

# What a person wrote beside the reason. Such a row has ended: nobody else updates it.
NOTES = """
    UPDATE assignment SET note = split_part(note, ':', 1)
    WHERE decision_id = ANY($1::uuid[]) AND ending = 'declined' AND note LIKE '%:%'
"""

SEEN = f"""
    SELECT {COLUMNS} FROM erasure WHERE org = $1 AND ($2::text[] IS NULL OR locations <@ $2::text[])
"""

ADVANCE = "UPDATE erasure SET cursor = $2, erased = erased + $3 WHERE id = $1"
FINISH = "UPDATE erasure SET subject = NULL, done_at = clock_timestamp() WHERE id = $1"


async def request(
    connection: Connection, scope: Scope, erasure: UUID, subject: Mapping[str, str], reason: str
) -> Erasure:
    """Write down whom to erase: from here on it will be done, whatever is killed."""
    given = (encode(subject).decode(), sorted(subject), scope.locations, reason, scope.principal)
    row = await connection.fetchrow(REQUEST, erasure, scope.org, *given)
    return Erasure(**dict(row))


async def erase_one(connection: Connection, scope: Scope, erasure: UUID, decision: UUID, reason: str) -> Erasure | None:
    """Erase a single decision at once; None where the caller may not see it. Call it in a transaction."""
    row = await connection.fetchrow(ERASE_ONE, erasure, decision, scope.org, scope.locations, reason, scope.principal)
    if row is None:
        return None
    if row["erased"]:
        await _erased(connection, [decision], erasure, scope.principal, reason)
    return Erasure(**dict(row))


async def next_open(connection: Connection) -> Open | None:
    """Lock the oldest erasure that nobody is at; None: there is none."""
    row = await connection.fetchrow(NEXT)
    return Open(**dict(row)) if row else None


async def erase_window(connection: Connection, wanted: Open) -> int | None:
    """Erase what matches among the next decisions; return how many, None once the last was passed."""
    row = await connection.fetchrow(
        WINDOW, wanted.cursor, WINDOW_ROWS, wanted.subject, wanted.locations, timeout=WINDOW_SECONDS
    )
    if row["last"] is None:
        await connection.execute(FINISH, wanted.id)
        return None
    if row["erased"]:
        await _erased(connection, row["erased"], wanted.id, wanted.requested_by, wanted.reason)
    await connection.execute(ADVANCE, wanted.id, row["last"], len(row["erased"]))
    return len(row["erased"])


async def _erased(connection: Connection, decisions: Sequence[UUID], erasure: UUID, by: str, reason: str) -> None:
    """What people noted of these goes too, and each path says that it was erased."""
    await connection.execute(NOTES, decisions)
    await connection.execute(EVENT, decisions, erasure, by, reason)


async def get(connection: Connection, scope: Scope, erasure: UUID) -> Erasure | None:
    """Return an erasure within what the caller may see."""
    found = await connection.fetchrow(f"{SEEN} AND id = $3", scope.org, scope.locations, erasure)
    return Erasure(**dict(found)) if found else None


async def listed(connection: Connection, scope: Scope) -> list[Erasure]:
    """Return the newest erasures within what the caller may see."""
    rows = await connection.fetch(
        f"{SEEN} ORDER BY requested_at DESC LIMIT $3", scope.org, scope.locations, LONGEST_LIST
    )
    return [Erasure(**dict(row)) for row in rows]
