"""Group commit of new decisions: one statement a flush, a second one for the losers of a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from adjudge.store.connecting import Connection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """What is the same for all questions of a caller, of a type at a location: sent once a flush, not once a row."""

    principal: str
    limited: bool
    """Whether they count for the principal's limit of open decisions."""
    type: str
    location: str
    groups: tuple[str, ...]
    lane: str
    revision: int
    plan_hash: str
    audit_rate: float
    audit_key: str
    audit_policy: int
    audited: bool = False
    """Whether somebody answers what the coin draws."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The first step of questions that begin alike: sent once a flush, too. Made for each question asked alone."""

    deadline: datetime
    deadline_shown: bool
    stage: int
    """The stage whose models are asked at once; -1: the first step is still to be taken."""
    waiting_for: str
    """JSON object, as callers see it."""
    stage_until: datetime
    history: str
    """JSON list of events."""


class NewDecision(NamedTuple):
    """One row of a flush: decision, evidence and work, and the key that makes a retry harmless."""

    id: UUID
    terms: Terms
    beginning: Beginning
    key_hash: bytes | None
    fingerprint: bytes
    subject: str
    """JSON object."""
    stake_minor: int | None
    stake_currency: str | None
    facts: str
    """JSON of `core.history.Case`: what a replay reads."""
    evidence: str
    """JSON object."""
    evidence_hash: bytes
    trace: str | None
    audit_role: str
    """`calibrate` or `certify`; empty where the coin did not fall on audit."""

    @property
    def lock_key(self) -> tuple[str, bytes, bytes]:
        """Rows of all flushes are sorted by it, so that two flushes never wait for each other in a ring."""
        return self.terms.principal, self.key_hash or b"", self.id.bytes


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before: by this decision, with this fingerprint."""

    decision_id: UUID
    fingerprint: bytes


_ROW = {
    "id": "uuid",
    "terms": "int",
    "beginning": "int",
    "key_hash": "bytea",
    "fingerprint": "bytea",
    "subject": "jsonb",
    "stake_minor": "bigint",
    "stake_currency": "text",
    "facts": "jsonb",
    "evidence": "jsonb",
    "evidence_hash": "bytea",
    "trace": "text",
    "audit_role": "text",
}
_TERMS = {
    "principal": "text",
    "limited": "boolean",
    "type": "text",
    "location": "text",
    "groups": "text",
    "lane": "text",
    "revision": "int",
    "plan_hash": "text",
    "audit_rate": "real",
    "audit_key": "text",
    "audit_policy": "int",
    "audited": "boolean",
}
_BEGINNING = {
    "deadline": "timestamptz",
    "deadline_shown": "boolean",
    "stage": "int",
    "waiting_for": "jsonb",
    "stage_until": "timestamptz",
    "history": "jsonb",
}
_AT = {name: n for n, name in enumerate((*_ROW, *_TERMS, *_BEGINNING, "key_window", "resend"), 1)}
"""Places of the parameters: an array for each column, a figure for the whole flush."""


def _new(*names: str) -> str:
    """Return a query of the rows with these columns.

    Arrays are unnested in the select list, row by row; in FROM each would be stored by itself first. And
    each table takes its own columns from them, so that no row is copied whole.
    """
    return "SELECT " + ", ".join(f"unnest(${_AT[name]}::{_ROW[name]}[]) AS {name}" for name in names)


def _term(name: str) -> str:
    return f"(${_AT[name]}::{_TERMS[name]}[])[terms]"


def _begun(name: str) -> str:
    return f"(${_AT[name]}::{_BEGINNING[name]}[])[beginning]"


# Keys whose window has passed are taken over; `idem` is locked before `work`, in the order of rows.
INTAKE = f"""
    WITH taken AS (
        INSERT INTO idem (principal, key_hash, fingerprint, decision_id, expires_at)
        SELECT {_term("principal")}, key_hash, fingerprint, id, clock_timestamp() + ${_AT["key_window"]}::interval
        FROM ({_new("id", "terms", "key_hash", "fingerprint")}) AS new WHERE key_hash IS NOT NULL
        ON CONFLICT (org, principal, key_hash) DO UPDATE
            SET fingerprint = excluded.fingerprint, decision_id = excluded.decision_id,
                expires_at = excluded.expires_at
            WHERE idem.expires_at < clock_timestamp()
        RETURNING decision_id
    ), fresh AS MATERIALIZED (
        SELECT id FROM ({_new("id", "key_hash")}) AS new
        WHERE key_hash IS NULL OR id IN (SELECT decision_id FROM taken)
    ), written AS (
        INSERT INTO decision (id, principal, type, location, groups, lane, subject, stake_minor, stake_currency,
            facts, revision, plan_hash, deadline, deadline_shown, evidence_hash, trace, audit, audit_rate,
            audit_role, audit_key, audit_policy)
        SELECT id, {_term("principal")}, {_term("type")}, {_term("location")}, string_to_array({_term("groups")}, ','),
            {_term("lane")}, subject, stake_minor, stake_currency, facts, {_term("revision")}, {_term("plan_hash")},
            {_begun("deadline")}, {_begun("deadline_shown")}, evidence_hash, trace, audit_role <> '', {
    _term("audit_rate")
}, audit_role,
            {_term("audit_key")}, {_term("audit_policy")}
        FROM ({
    _new(
        "id",
        "terms",
        "beginning",
        "subject",
        "stake_minor",
        "stake_currency",
        "facts",
        "evidence_hash",
        "trace",
        "audit_role",
    )
}) AS new
        WHERE id IN (SELECT id FROM fresh)
        RETURNING id, asked_at
    ), shown AS (
        INSERT INTO evidence (decision_id, body)
        SELECT id, evidence FROM ({_new("id", "evidence")}) AS new WHERE id IN (SELECT id FROM fresh)
    ), opened AS (
        INSERT INTO work (decision_id, type, location, lane, revision, stage, waiting_for, sent_at, due_at,
            due_kind, stage_until, deadline, history, limited_key)
        SELECT id, {_term("type")}, {_term("location")}, {_term("lane")}, {_term("revision")}, {_begun("stage")},
            {_begun("waiting_for")},
            CASE WHEN {_begun("stage")} >= 0 THEN clock_timestamp() END,
            CASE WHEN {_begun("stage")} >= 0
                THEN least({_begun("stage_until")}, clock_timestamp() + ${_AT["resend"]}::interval)
                ELSE clock_timestamp() END,
            CASE WHEN {_begun("stage")} >= 0 THEN 'resend' ELSE 'start' END,
            {_begun("stage_until")}, {_begun("deadline")}, {_begun("history")},
            CASE WHEN {_term("limited")} THEN {_term("principal")} END
        FROM ({_new("id", "terms", "beginning")}) AS new
        WHERE id IN (SELECT id FROM fresh)
    ), audits AS (
        INSERT INTO work (decision_id, purpose, type, location, lane, revision, stage, due_at, due_kind, stage_until,
            deadline, history)
        SELECT id, 'audit', {_term("type")}, {_term("location")}, {_term("lane")}, {_term("revision")}, 0,
            clock_timestamp(), 'start', {_begun("deadline")}, {_begun("deadline")}, '[]'
        FROM ({_new("id", "terms", "beginning", "audit_role")}) AS new
        WHERE audit_role <> '' AND {_term("audited")} AND id IN (SELECT id FROM fresh)
    )
    SELECT id, asked_at FROM written
"""

_TERMS_AT = list(_ROW).index("terms")
_BEGINNING_AT = list(_ROW).index("beginning")
_GROUPS_AT = list(_TERMS).index("groups")

LOSERS = """
    SELECT principal, key_hash, decision_id, fingerprint FROM idem
    WHERE (principal, key_hash) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))
"""

HELD = """
    SELECT decision_id, fingerprint FROM idem
    WHERE principal = $1 AND key_hash = $2 AND expires_at >= clock_timestamp()
"""

ALREADY = "SELECT id, asked_at FROM decision WHERE id = ANY($1::uuid[])"


async def insert(
    connection: Connection, rows: Sequence[NewDecision], key_window: timedelta, resend: timedelta
) -> dict[UUID, datetime]:
    """Commit all that are new in one statement; return when each of them was asked.

    Rows must be sorted by `lock_key`, keys unique within a flush. A row that is missing from the
    result lost its key: see `losers`. A question that is not answered within `resend` is looked at again.
    """
    terms: dict[Terms, int] = {}
    beginnings: dict[Beginning, int] = {}
    columns: list[Sequence[object]] = [*zip(*rows, strict=True)]
    columns[_TERMS_AT] = [terms.setdefault(row.terms, len(terms) + 1) for row in rows]
    columns[_BEGINNING_AT] = [beginnings.setdefault(row.beginning, len(beginnings) + 1) for row in rows]
    of_terms = [[getattr(each, name) for each in terms] for name in _TERMS]
    of_terms[_GROUPS_AT] = [",".join(each.groups) for each in terms]
    of_beginnings = [[getattr(each, name) for each in beginnings] for name in _BEGINNING]
    written = await connection.fetch(INTAKE, *columns, *of_terms, *of_beginnings, key_window, resend)
    return {row[0]: row[1] for row in written}


async def losers(connection: Connection, rows: Sequence[NewDecision]) -> dict[tuple[str, bytes], Replayed]:
    """Return who holds the keys; a statement of its own, because the losing one cannot see the winner."""
    keyed = [row for row in rows if row.key_hash is not None]
    found = await connection.fetch(LOSERS, [row.terms.principal for row in keyed], [row.key_hash for row in keyed])
    return {(row["principal"], row["key_hash"]): Replayed(row["decision_id"], row["fingerprint"]) for row in found}


async def held(connection: Connection, row: NewDecision) -> Replayed | None:
    """Return who holds the row's key; None: nobody, or it has none."""
    if row.key_hash is None:
        return None
    found = await connection.fetchrow(HELD, row.terms.principal, row.key_hash)
    return Replayed(found["decision_id"], found["fingerprint"]) if found else None


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
