"""Outcomes: written once per version, arbitrated by the `work` row while it exists (promise 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from adjudge.core.outcomes import OutcomeSource
from adjudge.store.connecting import Connection


class OutcomeTerms(NamedTuple):
    """What many outcomes of a batch have in common: sent once a batch, not once a row."""

    base: int
    """The version this one is written on top of; 0: none."""
    kind: str
    source: str
    deciders: str
    """Comma-separated (an array of arrays cannot be ragged)."""
    code: str
    certificate: str | None
    relied: str
    """JSON list of {scope, generation}."""
    votes: int
    cost: str
    stage: int
    """The stage that its message belongs to; the row must still be there. Last: whoever holds the row need not say."""


class NewOutcome(NamedTuple):
    """One version of an answer, to be written."""

    decision_id: UUID
    terms: OutcomeTerms
    answer: str | None
    confidence: float | None
    reason: str
    attempt_id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the settle statement did with each decision of its batch."""

    won: dict[UUID, datetime]
    """Settled by this call, or by a try of it whose COMMIT was lost; when."""
    refused: frozenset[UUID]
    """A control it relied on is no longer in force: the decision must defer."""


_KINDS = {
    "decision_id": "uuid",
    "terms": "int",
    "base": "int",
    "stage": "int",
    "confidence": "double precision",
    "relied": "jsonb",
    "attempt_id": "uuid",
    "votes": "smallint",
    "cost": "jsonb",
    "path": "jsonb",
}
_AT = {name: n for n, name in enumerate((*NewOutcome._fields, *OutcomeTerms._fields), 1)}


def _array(name: str) -> str:
    return f"${_AT[name]}::{_KINDS.get(name, 'text')}[]"


def _new(*names: str) -> str:
    """Return a query of the outcomes with these columns; why in the select list: see `intake.py`."""
    return "SELECT " + ", ".join(f"unnest({_array(name)}) AS {name}" for name in names)


def _term(name: str) -> str:
    return f"({_array(name)})[terms]"


_STANDING = f"(decision_id, {_term('base')}, {_term('stage')}) IN (SELECT decision_id, version, stage FROM held)"

# The terms that rely on a control which is no longer in force.
_STALE = f"""
    SELECT DISTINCT terms FROM unnest({_array("relied")}) WITH ORDINALITY AS new (relied, terms),
        jsonb_to_recordset(new.relied) AS relied (scope text, generation bigint) JOIN control USING (scope)
    WHERE control.generation <> relied.generation
"""

_WRITE = f"""
    INSERT INTO outcome (decision_id, version, kind, answer, source, confidence, deciders, reason, code,
        certificate, relied, attempt_id, votes, cost, path)
    SELECT decision_id, {_term("base")} + 1, {_term("kind")}, answer, {_term("source")}, confidence,
        CASE WHEN {_term("deciders")} = '' THEN '{{}}' ELSE string_to_array({_term("deciders")}, ',') END,
        reason, {_term("code")}, {_term("certificate")}, {_term("relied")}, attempt_id, {_term("votes")},
        {_term("cost")}, path
    FROM ({_new(*NewOutcome._fields)}) AS new
"""

# Only where the stage still waits for its model (`resend`): once it was deferred, a late answer settles nothing.
# Rows of `work` are found by arrays, because beside a join the planner takes one row for all: it would read the
# whole table, or compare every row with the whole batch.
# One statement: lock work in id order, write what still stands, delete the row.
SETTLE = f"""
    WITH held AS MATERIALIZED (
        SELECT decision_id, version, stage FROM work
        WHERE decision_id = ANY($1::uuid[]) AND purpose = 'decide' AND due_kind = 'resend'
        ORDER BY decision_id FOR UPDATE
    ), stale AS MATERIALIZED ({_STALE}), refused AS MATERIALIZED (
        SELECT DISTINCT decision_id FROM ({_new("decision_id", "terms")}) AS new
        WHERE terms IN (SELECT terms FROM stale) AND {_STANDING}
    ), written AS (
        {_WRITE}
        WHERE {_STANDING} AND terms NOT IN (SELECT terms FROM stale)
        RETURNING decision_id, settled_at
    ), deleted AS (
        DELETE FROM work
        WHERE decision_id = ANY(ARRAY(SELECT decision_id FROM written)) AND purpose = 'decide'
    )
    SELECT decision_id, settled_at FROM written
    UNION ALL SELECT decision_id, NULL FROM refused
"""

# Of two keys, so that it is none of the locks by one. Decisions that share a hash wait for each other, no more.
AMEND_IN_TURN = "SELECT pg_advisory_xact_lock($1, hashtext($2::uuid::text))"
AMENDING = 1

SETTLED_BY = """
    SELECT outcome.decision_id, outcome.settled_at FROM outcome
        JOIN unnest($1::uuid[], $2::uuid[]) AS mine (decision_id, attempt_id) USING (decision_id, attempt_id)
"""

WRITE_HELD = f"""
    WITH stale AS MATERIALIZED ({_STALE})
    {_WRITE}
    WHERE terms NOT IN (SELECT terms FROM stale)
    RETURNING decision_id, settled_at
"""

CLOSE_TASKS = """
    UPDATE review_task SET state = 'closed', lease_token = NULL, lease_until = NULL
    WHERE id IN (
        SELECT id FROM review_task
        WHERE decision_id = ANY($1::uuid[]) AND purpose = 'decide' AND state IN ('waiting', 'leased')
        ORDER BY id FOR UPDATE)
    RETURNING id, decision_id
"""

# A statement of its own: the one before may have waited for a claim, whose assignment its snapshot does not have.
END_ASSIGNMENTS = """
    UPDATE assignment SET ended_at = clock_timestamp(), ending = 'closed'
    FROM unnest($1::uuid[], $2::uuid[]) AS closed (decision_id, id)
    WHERE assignment.decision_id = closed.decision_id AND assignment.task_id = closed.id
        AND assignment.ending IS NULL
"""

DELETE_WORK = "DELETE FROM work WHERE decision_id = ANY($1::uuid[]) AND purpose = 'decide'"


_TERMS_AT = NewOutcome._fields.index("terms")


async def settle(connection: Connection, outcomes: Sequence[NewOutcome]) -> Verdicts:
    """Settle finally all that still stand, in one statement of its own transaction.

    For stages asked of one model, whose message holds the whole history: no review task can be open.
    Decisions in neither set are gone: settled by somebody else, or a later stage has begun.
    """
    once = {(outcome.decision_id.bytes, outcome.terms.base, outcome.terms.stage): outcome for outcome in outcomes}
    rows = await connection.fetch(SETTLE, *_columns([once[key] for key in sorted(once)]))
    won = {decision: settled_at for decision, settled_at in rows if settled_at is not None}
    return Verdicts(won, frozenset(decision for decision, settled_at in rows if settled_at is None))


async def settled_by(connection: Connection, attempts: Sequence[tuple[UUID, UUID]]) -> dict[UUID, datetime]:
    """Return which (decision, attempt) have settled: after a lost COMMIT the winner knows itself by this."""
    rows = await connection.fetch(SETTLED_BY, [a[0] for a in attempts], [a[1] for a in attempts])
    return {row["decision_id"]: row["settled_at"] for row in rows}


async def write_held(connection: Connection, outcomes: Sequence[NewOutcome]) -> dict[UUID, datetime]:
    """Write outcomes of decisions whose work rows this transaction holds; return when, but for those refused.

    Refused is what relies on a control that is no longer in force.
    """
    rows = await connection.fetch(WRITE_HELD, *_columns(outcomes)[:-1]) if outcomes else []
    return {row["decision_id"]: row["settled_at"] for row in rows}


async def amend_in_turn(connection: Connection, decision: UUID) -> None:
    """Wait for whoever amends the decision at this moment. Call it first: what is read afterwards stands."""
    await connection.execute(AMEND_IN_TURN, AMENDING, decision)


async def close(connection: Connection, ids: Sequence[UUID]) -> None:
    """End the work of settled decisions: the row goes, open `decide` tasks close, audits are left alone."""
    if ids:
        await connection.execute(DELETE_WORK, list(ids))
        await close_tasks(connection, ids)


async def close_tasks(connection: Connection, ids: Sequence[UUID]) -> None:
    """Close open `decide` tasks: the decision has gone on without them."""
    closed = await connection.fetch(CLOSE_TASKS, list(ids)) if ids else []
    if closed:
        await connection.execute(END_ASSIGNMENTS, [row["decision_id"] for row in closed], [row["id"] for row in closed])


def _columns(outcomes: Sequence[NewOutcome]) -> list[Sequence[object]]:
    numbers: dict[OutcomeTerms, int] = {}
    columns: list[Sequence[object]] = [*zip(*outcomes, strict=True)]
    columns[_TERMS_AT] = [numbers.setdefault(outcome.terms, len(numbers) + 1) for outcome in outcomes]
    return [*columns, *zip(*numbers, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The outcome that stands."""

    version: int
    answer: str | None
    source: OutcomeSource
    deciders: list[str]
    votes: int
    cost: str
    is_open: bool
    """The decision still has its work row: people go on."""


async def latest(connection: Connection, decision: UUID) -> Latest | None:
    """Return the outcome that stands; None: there is none yet."""
    row = await connection.fetchrow(
        """
        SELECT version, answer, source, deciders, votes, cost,
            EXISTS (SELECT FROM work WHERE work.decision_id = $1 AND purpose = 'decide') AS is_open
        FROM outcome WHERE decision_id = $1 ORDER BY version DESC LIMIT 1
        """,
        decision,
    )
    return Latest(**dict(row)) if row else None
