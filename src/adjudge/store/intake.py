"""Group commit of new decisions: one statement a flush, a second one for the losers of a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from adjudge.store.connecting import Connection


@dataclass(slots=True, kw_only=True)
class NewDecision:
    """One row of a flush: decision, evidence and work, and the key that makes a retry harmless."""

    id: UUID
    principal: str
    key_hash: bytes | None
    fingerprint: bytes
    type: str
    location: str
    groups: list[str]
    lane: str
    subject: str
    """JSON object."""
    stake_minor: int | None
    stake_currency: str | None
    facts: str
    """JSON of `core.history.Case`: what a replay reads."""
    revision: int
    plan_hash: str
    deadline: datetime
    deadline_shown: bool
    evidence: str
    """JSON object."""
    evidence_hash: bytes
    trace: str | None
    audit: bool
    audit_rate: float
    audit_role: str
    audit_key: str
    audit_policy: int
    stage: int
    waiting_for: str
    sent_at: datetime | None
    due_at: datetime
    due_kind: str
    stage_until: datetime
    history: str

    @property
    def lock_key(self) -> tuple[str, bytes, bytes]:
        """Rows of all flushes are sorted by it, so that two flushes never wait for each other in a ring."""
        return self.principal, self.key_hash or b"", self.id.bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """A decision that this flush, or an earlier try of it, has committed."""

    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before: by this decision, with this fingerprint."""

    decision_id: UUID
    fingerprint: bytes


COLUMNS = (
    ("id", "uuid"),
    ("principal", "text"),
    ("key_hash", "bytea"),
    ("fingerprint", "bytea"),
    ("type", "text"),
    ("location", "text"),
    ("groups", "text"),
    ("lane", "text"),
    ("subject", "jsonb"),
    ("stake_minor", "bigint"),
    ("stake_currency", "text"),
    ("facts", "jsonb"),
    ("revision", "int"),
    ("plan_hash", "text"),
    ("deadline", "timestamptz"),
    ("deadline_shown", "boolean"),
    ("evidence", "jsonb"),
    ("evidence_hash", "bytea"),
    ("trace", "text"),
    ("audit", "boolean"),
    ("audit_rate", "real"),
    ("audit_role", "text"),
    ("audit_key", "text"),
    ("audit_policy", "int"),
    ("stage", "int"),
    ("waiting_for", "jsonb"),
    ("sent_at", "timestamptz"),
    ("due_at", "timestamptz"),
    ("due_kind", "text"),
    ("stage_until", "timestamptz"),
    ("history", "jsonb"),
)

# Keys whose window has passed are taken over; `idem` is locked before `work`, in the order of rows.
INTAKE = f"""
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest({", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(COLUMNS, 1))})
            AS new ({", ".join(name for name, _ in COLUMNS)})
    ), taken AS (
        INSERT INTO idem (principal, key_hash, fingerprint, decision_id, expires_at)
        SELECT principal, key_hash, fingerprint, id, clock_timestamp() + ${len(COLUMNS) + 1}::interval
        FROM new WHERE key_hash IS NOT NULL
        ON CONFLICT (org, principal, key_hash) DO UPDATE
            SET fingerprint = excluded.fingerprint, decision_id = excluded.decision_id,
                expires_at = excluded.expires_at
            WHERE idem.expires_at < clock_timestamp()
        RETURNING decision_id
    ), fresh AS MATERIALIZED (
        SELECT * FROM new WHERE key_hash IS NULL OR id IN (SELECT decision_id FROM taken)
    ), written AS (
        INSERT INTO decision (id, principal, type, location, groups, lane, subject, stake_minor, stake_currency,
            facts, revision, plan_hash, deadline, deadline_shown, evidence_hash, trace, audit, audit_rate,
            audit_role, audit_key, audit_policy)
        SELECT id, principal, type, location, string_to_array(groups, ','), lane, subject, stake_minor,
            stake_currency, facts, revision, plan_hash, deadline, deadline_shown, evidence_hash, trace, audit,
            audit_rate, audit_role, audit_key, audit_policy
        FROM fresh
        RETURNING id, asked_at
    ), shown AS (
        INSERT INTO evidence (decision_id, body) SELECT id, evidence FROM fresh
    ), opened AS (
        INSERT INTO work (decision_id, type, location, lane, revision, stage, waiting_for, sent_at, due_at,
            due_kind, stage_until, deadline, history)
        SELECT id, type, location, lane, revision, stage, waiting_for, sent_at, due_at, due_kind, stage_until,
            deadline, history
        FROM fresh
    )
    SELECT id, asked_at FROM written
"""

LOSERS = """
    SELECT principal, key_hash, decision_id, fingerprint FROM idem
    WHERE (principal, key_hash) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))
"""

ALREADY = "SELECT id, asked_at FROM decision WHERE id = ANY($1::uuid[])"


async def insert(
    connection: Connection, rows: Sequence[NewDecision], key_window_seconds: float
) -> dict[UUID, datetime]:
    """Commit all that are new in one statement; return when each of them was asked.

    Rows must be sorted by `lock_key`, keys unique within a flush. A row that is missing from the
    result lost its key: see `losers`.
    """
    columns: list[list[object]] = [[getattr(row, name) for row in rows] for name, _ in COLUMNS]
    columns[6] = [",".join(row.groups) for row in rows]
    written = await connection.fetch(INTAKE, *columns, timedelta(seconds=key_window_seconds))
    return {row["id"]: row["asked_at"] for row in written}


async def losers(connection: Connection, rows: Sequence[NewDecision]) -> dict[tuple[str, bytes], Replayed]:
    """Return who holds the keys; a statement of its own, because the losing one cannot see the winner."""
    keyed = [row for row in rows if row.key_hash is not None]
    found = await connection.fetch(LOSERS, [row.principal for row in keyed], [row.key_hash for row in keyed])
    return {(row["principal"], row["key_hash"]): Replayed(row["decision_id"], row["fingerprint"]) for row in found}


async def already(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return which of the ids are committed: after a lost COMMIT, those are ours."""
    return {row["id"]: row["asked_at"] for row in await connection.fetch(ALREADY, list(ids))}


async def forget_expired(connection: Connection, limit: int = 1_000) -> int:
    """Delete keys whose window has passed, a page at a time; return how many."""
    rows = await connection.fetch(
        """
        DELETE FROM idem WHERE (org, principal, key_hash) IN (
            SELECT org, principal, key_hash FROM idem WHERE expires_at < clock_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING 1
        """,
        limit,
    )
    return len(rows)
