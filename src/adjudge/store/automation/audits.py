"""Audits: open ones are `work` rows of that purpose, closed ones rows of their own that never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.json import encode

from adjudge.core.audits import AuditVote, Heard, ModelSaid, StageVote, said_in_plan, voted_in_plan
from adjudge.core.events import read_events
from adjudge.core.history import Case
from adjudge.store.connecting import Connection
from adjudge.store.labels import LATE_VOTE
from adjudge.store.outcomes import END_ASSIGNMENTS
from adjudge.store.review.reviewers import HAS_KEY_THERE
from adjudge.store.work import read_case

AUDIT_LABEL = "audit"
"""The source of labels that are the truth of an audit."""
LATE_AUDIT_VOTE = "late-audit-vote"
"""The source of labels that came when the audit was closed, or its lease had ended."""
PEOPLE, EXPERT = 0, 1
"""Rounds of an audit, as `work.stage` and `review_task.stage` have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudit:
    """A held audit whose decision is settled."""

    id: UUID
    number: int
    type: str
    location: str
    revision: int
    plan_hash: str
    round: int
    role: str
    rate: float
    policy: int
    asked_at: datetime
    has_evidence: bool
    why_expert: str
    """Empty until the expert is asked."""
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """What has become of the seats of an audit."""

    made: int = 0
    """In the present round."""
    leased: int = 0
    votes: tuple[AuditVote, ...] = ()
    expert: AuditVote | None = None


class NextLook(NamedTuple):
    """When an open audit is looked at next, and in which round."""

    decision: UUID
    round: int
    due_at: datetime
    why_expert: str = ""
    """Why an expert is asked from now on; empty: what was said of that stands."""


class LateTruth(NamedTuple):
    """A truth that arrived by itself, and its source."""

    answer: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAudit:
    """The record of an audit."""

    decision_id: UUID
    number: int
    type: str
    location: str
    slice: str
    role: str
    rate: float
    policy: int
    asked_at: datetime
    truth: str | None
    truth_by: str
    unanimous: str | None
    why: str
    expert_coin: str
    votes: str
    opinions: str
    facts: str
    prefixes: str
    """JSON list: of the plan that the decision took."""
    people: int
    """Votes that were set apart as people's."""
    stage_votes: str
    """JSON list: by which people decided in its plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToAsk:
    """What it takes to ask a decider of a settled decision."""

    id: UUID
    subject: str
    trace: str | None
    evidence: str


# Ready are those whose decision is settled: people who were asked to decide come first, and an audit can wait.
READY = """
    SELECT work.decision_id AS id, decision.number, work.type, work.location, work.revision,
        decision.plan_hash, work.stage AS round, decision.audit_role AS role, decision.audit_rate AS rate,
        decision.audit_policy AS policy, work.asked_at, evidence.decision_id IS NOT NULL AS has_evidence,
        coalesce(work.waiting_for ->> 'expert', '') AS why_expert, decision.facts
    FROM work JOIN decision ON decision.id = work.decision_id
        LEFT JOIN evidence ON evidence.decision_id = work.decision_id
    WHERE work.purpose = 'audit' AND work.due_at <= clock_timestamp()
        AND NOT EXISTS (
            SELECT FROM work AS deciding
            WHERE deciding.decision_id = work.decision_id AND deciding.purpose = 'decide')
    ORDER BY work.due_at LIMIT $1 FOR UPDATE OF work SKIP LOCKED
"""

SEATS = """
    SELECT decision_id, stage, count(*) AS made, count(*) FILTER (WHERE state = 'leased') AS leased
    FROM review_task WHERE decision_id = ANY($1::uuid[]) AND purpose = 'audit' GROUP BY decision_id, stage
"""

VOTES = """
    SELECT decision_id, stage, seat, reviewer, pool, purpose, answer FROM vote
    WHERE decision_id = ANY($1::uuid[]) AND purpose <> 'stage' ORDER BY decision_id, stage, seat
"""

MEMBERS = f"""
    SELECT asked.decision_id, count(reviewer.name) AS members,
        count(reviewer.name) FILTER (WHERE NOT EXISTS (
            SELECT FROM assignment AS seen
            WHERE seen.decision_id = asked.decision_id AND seen.reviewer = reviewer.name
                AND seen.ending IS DISTINCT FROM 'released')) AS left
    FROM unnest($1::uuid[], $2::text[]) AS asked (decision_id, pool)
        LEFT JOIN decision ON decision.id = asked.decision_id
        LEFT JOIN reviewer ON asked.pool = ANY(reviewer.pools) AND {HAS_KEY_THERE}
    GROUP BY asked.decision_id
"""

PATHS = """
    SELECT decision_id, path::text, kind = 'amended' AS is_late FROM outcome
    WHERE decision_id = ANY($1::uuid[]) ORDER BY decision_id, version
"""
ASIDE = """
    SELECT decision_id, decider, answer, confidence, distribution::text, fault FROM shadow_opinion
    WHERE decision_id = ANY($1::uuid[]) ORDER BY decision_id, decider
"""

# Where the answer given had a part in its being observed, as with complaints, it is no fair sample: it closes nothing.
LATE = """
    SELECT decision_id, min(answer) AS answer, string_agg(DISTINCT source, ', ' ORDER BY source) AS source
    FROM label
    WHERE decision_id = ANY($1::uuid[]) AND NOT answer_could_influence AND source <> ALL ($2::text[])
    GROUP BY decision_id HAVING count(DISTINCT answer) = 1
"""

TO_ASK = """
    SELECT decision.id, decision.subject::text, decision.trace, evidence.body::text AS evidence
    FROM decision JOIN evidence ON evidence.decision_id = decision.id WHERE decision.id = ANY($1::uuid[])
"""

WAIT = """
    UPDATE work SET stage = new.round, due_at = new.due_at, due_kind = 'stage',
        waiting_for = CASE WHEN new.expert = '' THEN waiting_for ELSE jsonb_build_object('expert', new.expert) END
    FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[]) AS new (id, round, due_at, expert)
    WHERE work.decision_id = new.id AND work.purpose = 'audit'
"""

HOLD = "SELECT revision FROM work WHERE decision_id = $1 AND purpose = 'audit' FOR UPDATE"
LOOK_AT = "UPDATE work SET due_at = clock_timestamp() WHERE decision_id = $1 AND purpose = 'audit'"

CLOSE = """
    WITH closed AS (
        INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
            unanimous, why, expert_coin, votes, opinions, facts, prefixes, people, stage_votes, answered)
        SELECT new.*, (
            SELECT answer FROM outcome
            WHERE outcome.decision_id = new.decision_id AND outcome.kind IN ('final', 'provisional')
                AND answer IS NOT NULL  -- of what was withdrawn: what had been answered for the time being
            ORDER BY version DESC LIMIT 1)
        FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
            $8::int[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[],
            $15::jsonb[], $16::jsonb[], $17::jsonb[], $18::jsonb[], $19::smallint[], $20::jsonb[]) AS new (decision_id,
            number, type, location, slice, role, rate, policy, asked_at, truth, truth_by, unanimous, why, expert_coin,
            votes, opinions, facts, prefixes, people, stage_votes)
        RETURNING decision_id, truth, truth_by
    ), labelled AS (
        INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
        SELECT closed.decision_id, 'audit', truth_by, truth, 'system', coalesce(
            (SELECT max(version) FROM outcome WHERE outcome.decision_id = closed.decision_id), 0), false
        FROM closed WHERE truth IS NOT NULL AND truth_by <> 'late'
        ON CONFLICT DO NOTHING
    )
    DELETE FROM work WHERE purpose = 'audit' AND decision_id = ANY($1::uuid[])
"""

CLOSE_SEATS = """
    UPDATE review_task SET state = 'closed', lease_token = NULL, lease_until = NULL
    WHERE id IN (
        SELECT id FROM review_task
        WHERE decision_id = ANY($1::uuid[]) AND purpose = 'audit' AND (state = 'waiting' OR state = 'leased' AND $2)
        ORDER BY id FOR UPDATE)
    RETURNING id, decision_id
"""


async def ready(connection: Connection, limit: int) -> list[OpenAudit]:
    """Lock audits that may be stepped on, and skip what another keeper has."""
    return [
        OpenAudit(case=read_case(row["facts"]), **{name: row[name] for name in OpenAudit.__slots__ if name != "case"})
        for row in await connection.fetch(READY, limit)
    ]


async def seats(connection: Connection, audits: Sequence[OpenAudit]) -> dict[UUID, Seats]:
    """Return what has become of the seats of each audit."""
    ids = [audit.id for audit in audits]
    rounds = {audit.id: audit.round for audit in audits}
    made = {
        row["decision_id"]: (row["made"], row["leased"])
        for row in await connection.fetch(SEATS, ids)
        if row["stage"] == rounds[row["decision_id"]]
    }
    votes: dict[UUID, list[AuditVote]] = {}
    experts: dict[UUID, AuditVote] = {}
    for row in await connection.fetch(VOTES, ids):
        vote = AuditVote(reviewer=row["reviewer"], pool=row["pool"], purpose=row["purpose"], answer=row["answer"])
        if row["stage"] == EXPERT:
            experts[row["decision_id"]] = vote
        else:
            votes.setdefault(row["decision_id"], []).append(vote)
    return {
        id_: Seats(
            made=made.get(id_, (0, 0))[0],
            leased=made.get(id_, (0, 0))[1],
            votes=tuple(votes.get(id_, ())),
            expert=experts.get(id_),
        )
        for id_ in ids
    }


async def members(connection: Connection, asked: Mapping[UUID, str]) -> dict[UUID, tuple[int, int]]:
    """Return, of the pool asked of each audit, how many people it has and how many of them have not had it."""
    rows = await connection.fetch(MEMBERS, list(asked), list(asked.values()))
    return {row["decision_id"]: (row["members"], row["left"]) for row in rows}


async def heard(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Heard]:
    """Return what was said of settled decisions: in their plans, by models else on the side. The first counts."""
    said: dict[UUID, dict[str, ModelSaid]] = {id_: {} for id_ in ids}
    voted: dict[UUID, dict[StageVote, None]] = {id_: {} for id_ in ids}
    for row in await connection.fetch(PATHS, list(ids)):
        events = read_events(row["path"])
        for by, opinion in said_in_plan(events):
            said[row["decision_id"]].setdefault(by, opinion)
        if not row["is_late"]:  # a late vote has amended the outcome: the plan had ended without it
            voted[row["decision_id"]] |= dict.fromkeys(voted_in_plan(events))
    for row in await connection.fetch(ASIDE, list(ids)):
        distribution = row["distribution"] and msgspec.json.decode(row["distribution"], type=dict[str, float])
        opinion = ModelSaid(row["answer"], row["confidence"] or 0.0, distribution, row["fault"], aside=True)
        said[row["decision_id"]].setdefault(row["decider"], opinion)
    return {id_: Heard(said[id_], tuple(voted[id_])) for id_ in ids}


async def late(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, LateTruth]:
    """Return the truths that arrived by themselves, independent of the answer, where their sources agree."""
    rows = await connection.fetch(LATE, list(ids), [AUDIT_LABEL, LATE_AUDIT_VOTE, LATE_VOTE])
    return {row["decision_id"]: LateTruth(row["answer"], row["source"]) for row in rows}


async def to_ask(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, ToAsk]:
    """Return what the decisions ask, where it has not been erased."""
    return {row["id"]: ToAsk(**dict(row)) for row in await connection.fetch(TO_ASK, list(ids))}


async def wait(connection: Connection, looks: Sequence[NextLook]) -> None:
    """Set when each is looked at next."""
    if looks:
        await connection.execute(WAIT, *(list(column) for column in zip(*looks, strict=True)))


async def hold(connection: Connection, decision: UUID) -> int | None:
    """Lock an open audit; return its revision, None where it is closed."""
    revision: int | None = await connection.fetchval(HOLD, decision)
    return revision


async def look_at(connection: Connection, decision: UUID) -> None:
    """Have a keeper look at the audit now."""
    await connection.execute(LOOK_AT, decision)


async def close(connection: Connection, closing: Sequence[ClosedAudit]) -> None:
    """Record the audits, their truths as labels, and end their work. They must be held."""
    if closing:
        names = ClosedAudit.__slots__
        await connection.execute(CLOSE, *([getattr(audit, name) for audit in closing] for name in names))


async def close_seats(connection: Connection, decisions: Sequence[UUID], *, leased: bool) -> None:
    """Take away seats that wait, and where `leased` those in somebody's hands."""
    closed = await connection.fetch(CLOSE_SEATS, list(decisions), leased) if decisions else []
    if closed:
        ended = [row["decision_id"] for row in closed], [row["id"] for row in closed]
        await connection.execute(END_ASSIGNMENTS, *ended)


def written(value: object) -> str:
    """Write a value of the record as JSON."""
    return encode(value).decode()
