"""`work`: the one small mutable row of an open decision; its mutex, progress and timer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.events import read_events
from adjudge.core.history import Case, History, fold
from adjudge.store.connecting import Connection

_case = msgspec.json.Decoder(Case)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A locked work row with what its next step needs."""

    id: UUID
    type: str
    location: str
    lane: str
    revision: int
    version: int
    stage: int
    status: str
    attempt: int
    stage_until: datetime
    asked_at: datetime
    due_kind: str
    trace: str | None
    """Trace context of the request that asked."""
    plan_hash: str
    history: History


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a step writes into the row."""

    id: UUID
    version: int
    stage: int
    status: str
    waiting_for: str
    attempt: int
    sent_at: datetime | None
    due_at: datetime
    due_kind: str
    stage_until: datetime
    history: str


HOLD = """
    SELECT work.decision_id, work.type, work.location, work.lane, work.revision, work.version, work.stage,
        work.status, work.attempt, work.stage_until, work.asked_at, work.due_kind, work.history, decision.facts,
        decision.trace, decision.plan_hash
    FROM work JOIN decision ON decision.id = work.decision_id
    WHERE work.decision_id = ANY($1::uuid[]) AND work.purpose = 'decide'
    ORDER BY work.decision_id FOR UPDATE OF work
"""

MOVE = """
    UPDATE work SET version = new.version, stage = new.stage, status = new.status, waiting_for = new.waiting_for,
        attempt = new.attempt, sent_at = new.sent_at, due_at = new.due_at, due_kind = new.due_kind,
        stage_until = new.stage_until, history = new.history
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::jsonb[], $6::int[], $7::timestamptz[],
        $8::timestamptz[], $9::text[], $10::timestamptz[], $11::jsonb[])
        AS new (id, version, stage, status, waiting_for, attempt, sent_at, due_at, due_kind, stage_until, history)
    WHERE work.decision_id = new.id AND work.purpose = 'decide'
"""

# A lower bound that moves with the poller keeps dead index entries under a long snapshot out of the scan.
DUE = """
    SELECT decision_id, due_kind, stage, attempt, sent_at FROM work
    WHERE due_at >= $1 AND due_at <= clock_timestamp() AND purpose = 'decide'
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""

POSTPONE = """
    UPDATE work SET due_at = new.due_at, due_kind = new.due_kind, attempt = new.attempt, sent_at = new.sent_at
    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::int[], $5::timestamptz[])
        AS new (id, due_at, due_kind, attempt, sent_at)
    WHERE work.decision_id = new.id AND work.purpose = 'decide'
"""

SEND_AGAIN = """
    UPDATE work SET sent_at = clock_timestamp(), attempt = attempt + 1
    WHERE purpose = 'decide' AND decision_id IN (
        SELECT decision_id FROM work WHERE purpose = 'decide' AND sent_at < $1 AND decision_id > $2
        ORDER BY decision_id LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING decision_id
"""

TO_SEND = """
    SELECT work.decision_id, work.type, work.location, work.lane, work.revision, work.stage, work.attempt,
        work.stage_until, work.deadline, work.history, decision.facts, decision.subject, decision.trace,
        decision.plan_hash, evidence.body
    FROM work JOIN decision ON decision.id = work.decision_id
        LEFT JOIN evidence ON evidence.decision_id = work.decision_id
    WHERE work.decision_id = ANY($1::uuid[]) AND work.purpose = 'decide'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A row whose time has come."""

    id: UUID
    kind: str
    stage: int
    attempt: int
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """All that a slip needs, read again from the truth."""

    id: UUID
    type: str
    location: str
    lane: str
    revision: int
    stage: int
    attempt: int
    until: datetime
    deadline: datetime
    subject: str
    trace: str | None
    plan_hash: str
    evidence: str | None
    """None: erased."""
    history: History


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What it takes to know whether a question is lost."""

    id: UUID
    until: datetime
    asked: tuple[str, ...]
    """Deciders asked in the present stage that have not answered."""


async def waiting(connection: Connection, ids: Sequence[UUID]) -> list[Waiting]:
    """Read what models are asked for, without their evidence."""
    rows = await connection.fetch(
        "SELECT decision_id, stage, stage_until, history FROM work "
        "WHERE decision_id = ANY($1::uuid[]) AND purpose = 'decide'",
        list(ids),
    )
    return [
        Waiting(
            id=row["decision_id"],
            until=row["stage_until"],
            asked=fold(read_events(row["history"])).tally(row["stage"]).silent(),
        )
        for row in rows
    ]


async def hold(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Held]:
    """Lock the rows in the order of ids; those already settled are missing from the result."""
    rows = await connection.fetch(HOLD, list(ids))
    return {row["decision_id"]: _held(row) for row in rows}


async def move(connection: Connection, moves: Sequence[Moved]) -> None:
    """Write the rows of steps that did not settle finally. The rows must be held."""
    if moves:
        names = Moved.__slots__
        await connection.execute(MOVE, *([getattr(move, name) for move in moves] for name in names))


async def due(connection: Connection, since: datetime, limit: int) -> list[Due]:
    """Lock what is due, earliest first, and skip what another keeper has. `since`: lower bound of `due_at`."""
    return [
        Due(
            id=row["decision_id"],
            kind=row["due_kind"],
            stage=row["stage"],
            attempt=row["attempt"],
            sent_at=row["sent_at"],
        )
        for row in await connection.fetch(DUE, since, limit)
    ]


async def postpone(connection: Connection, rows: Sequence[tuple[UUID, datetime, str, int, datetime | None]]) -> None:
    """Set when rows are due next: (id, due_at, due_kind, attempt, sent_at)."""
    if rows:
        await connection.execute(POSTPONE, *(list(column) for column in zip(*rows, strict=True)))


async def send_again(connection: Connection, before: datetime, after: UUID, limit: int) -> list[UUID]:
    """Mark a keyset page of what was last sent before the moment as sent now; return it in the order of ids."""
    rows = await connection.fetch(SEND_AGAIN, before, after, limit)
    return sorted((row["decision_id"] for row in rows), key=lambda decision: decision.bytes)


async def sendable(connection: Connection, ids: Sequence[UUID]) -> list[Sendable]:
    """Read what it takes to ask again, without locking."""
    return [
        Sendable(
            id=row["decision_id"],
            type=row["type"],
            location=row["location"],
            lane=row["lane"],
            revision=row["revision"],
            stage=row["stage"],
            attempt=row["attempt"],
            until=row["stage_until"],
            deadline=row["deadline"],
            subject=row["subject"],
            trace=row["trace"],
            plan_hash=row["plan_hash"],
            evidence=row["body"],
            history=History(_case.decode(row["facts"]), read_events(row["history"])),
        )
        for row in await connection.fetch(TO_SEND, list(ids))
    ]


def read_case(facts: str) -> Case:
    """Read a case as stored with its decision."""
    return _case.decode(facts)


async def case_of(connection: Connection, decision: UUID) -> Case:
    """Return the case of a decision, open or settled."""
    return _case.decode(await connection.fetchval("SELECT facts FROM decision WHERE id = $1", decision))


async def stages(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the stage of each decision that waits for a model; the others have gone on."""
    rows = await connection.fetch(
        "SELECT decision_id, stage FROM work "
        "WHERE decision_id = ANY($1::uuid[]) AND purpose = 'decide' AND due_kind = 'resend'",
        list(ids),
    )
    return {row["decision_id"]: row["stage"] for row in rows}


async def revisions_in_use(connection: Connection) -> set[int]:
    """Return the revisions that open decisions began with."""
    return {row["revision"] for row in await connection.fetch("SELECT DISTINCT revision FROM work")}


def _held(row: Mapping[str, Any]) -> Held:
    events = read_events(row["history"])
    names = [name for name in Held.__slots__ if name not in ("id", "history")]
    values = {name: row[name] for name in names}
    return Held(id=row["decision_id"], history=History(_case.decode(row["facts"]), events), **values)
