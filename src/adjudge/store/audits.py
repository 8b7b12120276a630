"""Audits: open ones are `work` rows of that purpose, closed ones rows of their own that never change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec.json import encode

from adjudge.core.audits import AuditVote, ModelSaid
from adjudge.core.events import Asked, Fault, HistoryEvent, Opinion, TimedOut, read_events
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.store.connecting import Connection
from adjudge.store.labels import LATE_VOTE
from adjudge.store.outcomes import END_ASSIGNMENTS
from adjudge.store.reviewers import HAS_KEY
from adjudge.store.scope import Scope
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
    lane: str
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


class LateTruth(NamedTuple):
    """A truth that came of itself, and who said so."""

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


# Ready are those whose decision is settled: people who were asked to decide come first, and an audit can wait.
READY = """
    SELECT work.decision_id AS id, decision.number, work.type, work.location, work.lane, work.revision,
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
        LEFT JOIN reviewer ON asked.pool = ANY(reviewer.pools) AND {HAS_KEY}
    GROUP BY asked.decision_id
"""

PATHS = "SELECT decision_id, path::text FROM outcome WHERE decision_id = ANY($1::uuid[]) ORDER BY decision_id, version"
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
            unanimous, why, expert_coin, votes, opinions, facts, prefixes, people, answered)
        SELECT new.*, (
            SELECT answer FROM outcome WHERE outcome.decision_id = new.decision_id AND outcome.kind = 'final')
        FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::real[],
            $8::int[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[],
            $15::jsonb[], $16::jsonb[], $17::jsonb[], $18::jsonb[], $19::smallint[]) AS new (decision_id, number, type,
            location, slice, role, rate, policy, asked_at, truth, truth_by, unanimous, why, expert_coin, votes,
            opinions, facts, prefixes, people)
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


async def said(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, ModelSaid]]:
    """Return what models said of settled decisions: in their plans, else on the side. The first counts."""
    found: dict[UUID, dict[str, ModelSaid]] = {id_: {} for id_ in ids}
    for row in await connection.fetch(PATHS, list(ids)):
        for by, opinion in said_in_plan(read_events(row["path"])):
            found[row["decision_id"]].setdefault(by, opinion)
    for row in await connection.fetch(ASIDE, list(ids)):
        distribution = row["distribution"] and msgspec.json.decode(row["distribution"], type=dict[str, float])
        opinion = ModelSaid(row["answer"], row["confidence"] or 0.0, distribution, row["fault"], aside=True)
        found[row["decision_id"]].setdefault(row["decider"], opinion)
    return found


def said_in_plan(events: Iterable[HistoryEvent]) -> Iterator[tuple[str, ModelSaid]]:
    """Yield what models came to in the plan, silence among it.

    Who was asked and not heard before the stage's time ran out would not have been accepted: what it says
    later, on the side, is not what the plan had.
    """
    asked: dict[int, tuple[str, ...]] = {}
    for event in events:
        match event:
            case Asked():
                asked[event.stage] = event.deciders
            case Opinion() if event.source != "reviewer":
                yield event.by, ModelSaid(event.answer, event.confidence, event.distribution)
            case Fault():
                yield event.by, ModelSaid(fault=event.fault)
            case TimedOut():
                yield from ((name, ModelSaid(fault="timeout")) for name in asked.get(event.stage, ()))


async def late(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, LateTruth]:
    """Return what came of itself of these decisions, whatever had been answered, and where sources agree."""
    rows = await connection.fetch(LATE, list(ids), [AUDIT_LABEL, LATE_AUDIT_VOTE, LATE_VOTE])
    return {row["decision_id"]: LateTruth(row["answer"], row["source"]) for row in rows}


async def wait(connection: Connection, rows: Sequence[tuple[UUID, int, datetime, str]]) -> None:
    """Set the round, when each is looked at next, and why the expert is asked: (id, round, due_at, expert)."""
    if rows:
        await connection.execute(WAIT, *(list(column) for column in zip(*rows, strict=True)))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAudit:
    """An open audit as people are shown it."""

    decision: UUID
    type: str
    location: str
    role: str
    rate: float
    asked_at: datetime
    age_seconds: float
    state: str
    """`deciding`, `drawn`, `people` or `expert`."""
    why_expert: str
    shown: int
    """Times that it was put before somebody."""
    votes: int
    declined: int


OPEN = """
    SELECT work.decision_id AS decision, work.type, work.location, decision.audit_role AS role,
        decision.audit_rate AS rate, work.asked_at,
        extract(epoch FROM clock_timestamp() - work.asked_at)::float8 AS age_seconds,
        CASE WHEN deciding.decision_id IS NOT NULL THEN 'deciding' WHEN work.stage = 1 THEN 'expert'
            WHEN EXISTS (SELECT FROM review_task WHERE review_task.decision_id = work.decision_id
                AND review_task.purpose = 'audit') THEN 'people'
            ELSE 'drawn' END AS state,
        coalesce(work.waiting_for ->> 'expert', '') AS why_expert,
        (SELECT count(*) FROM assignment JOIN review_task ON review_task.id = assignment.task_id
            WHERE assignment.decision_id = work.decision_id AND review_task.purpose = 'audit') AS shown,
        (SELECT count(*) FROM vote WHERE vote.decision_id = work.decision_id AND vote.purpose <> 'stage') AS votes,
        (SELECT count(*) FROM assignment JOIN review_task ON review_task.id = assignment.task_id
            WHERE assignment.decision_id = work.decision_id AND review_task.purpose = 'audit'
                AND assignment.ending = 'declined') AS declined
    FROM work JOIN decision ON decision.id = work.decision_id
        LEFT JOIN work AS deciding ON deciding.decision_id = work.decision_id AND deciding.purpose = 'decide'
    WHERE work.purpose = 'audit' AND work.org = $1 AND ($2::text[] IS NULL OR work.location = ANY($2::text[]))
        AND ($3::text IS NULL OR work.type = $3)
    ORDER BY work.asked_at, work.decision_id LIMIT $4
"""


async def open_audits(connection: Connection, scope: Scope, question_type: str | None, limit: int) -> list[SeenAudit]:
    """Return open audits of the caller's locations, the oldest first."""
    locations = None if scope.locations is None else list(scope.locations)
    rows = await connection.fetch(OPEN, scope.org, locations, question_type, limit)
    return [SeenAudit(**dict(row)) for row in rows]


LIFE = """
    SELECT audit.*, decision.audit_key FROM audit LEFT JOIN decision ON decision.id = audit.decision_id
    WHERE audit.decision_id = $1 AND audit.org = $2 AND ($3::text[] IS NULL OR audit.location = ANY($3::text[]))
"""


async def life(connection: Connection, scope: Scope, decision: UUID) -> dict[str, object] | None:
    """Return the record of a closed audit; None where there is none for this caller."""
    locations = None if scope.locations is None else list(scope.locations)
    row = await connection.fetchrow(LIFE, decision, scope.org, locations)
    return dict(row) if row else None


_SEAL = """
    left(encode(sha256(convert_to(
        jsonb_build_array(number, role, rate, truth, truth_by, answered, votes, opinions)::text, 'UTF8'
    )), 'hex'), 16)
"""
SEALS = f"SELECT decision_id, {_SEAL} AS seal FROM audit WHERE decision_id = ANY($1::uuid[])"
CHANGED = f"""
    SELECT given.decision FROM unnest($1::uuid[], $2::text[]) AS given (decision, seal)
    LEFT JOIN audit ON audit.decision_id = given.decision
    WHERE given.seal IS DISTINCT FROM CASE WHEN audit.decision_id IS NOT NULL THEN {_SEAL} END
    ORDER BY given.decision
"""


async def seals(connection: Connection, decisions: Sequence[str]) -> dict[str, str]:
    """Return a hash over the record of each of these audits that is closed: truth, votes, what models said, coins."""
    return {str(row["decision_id"]): row["seal"] for row in await connection.fetch(SEALS, list(decisions))}


async def changed(connection: Connection, sealed: Mapping[str, str]) -> list[str]:
    """Return those of these audits, by decision, whose record no longer has this hash, or is gone."""
    rows = await connection.fetch(CHANGED, list(sealed), list(sealed.values()))
    return [str(row["decision"]) for row in rows]


MEASURED = """
    SELECT type, count(*) AS open, extract(epoch FROM clock_timestamp() - min(asked_at))::float8 AS oldest
    FROM work WHERE purpose = 'audit' GROUP BY type
"""


async def measured(connection: Connection) -> dict[str, tuple[int, float]]:
    """Return by type how many audits are open, and the age of the oldest in seconds."""
    return {row["type"]: (row["open"], row["oldest"]) for row in await connection.fetch(MEASURED)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToAsk:
    """What it takes to ask a decider of a settled decision."""

    id: UUID
    subject: str
    trace: str | None
    evidence: str


TO_ASK = """
    SELECT decision.id, decision.subject::text, decision.trace, evidence.body::text AS evidence
    FROM decision JOIN evidence ON evidence.decision_id = decision.id WHERE decision.id = ANY($1::uuid[])
"""


async def to_ask(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, ToAsk]:
    """Return what the decisions ask, where it has not been erased."""
    return {row["id"]: ToAsk(**dict(row)) for row in await connection.fetch(TO_ASK, list(ids))}


VOLUME = """
    SELECT type, slice, sum(1 / rate)::float8 AS decisions,
        extract(epoch FROM clock_timestamp() - min(asked_at))::float8 / 86400 AS days
    FROM audit WHERE asked_at > clock_timestamp() - $1::interval AND rate > 0 GROUP BY type, slice
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A closed audit as certificates read it."""

    decision_id: UUID
    number: int
    role: str
    rate: float
    truth: str | None
    said: dict[str, ModelSaid]
    case: Case
    people: tuple[str, ...] = ()
    """What those said whose votes were set apart, in the order of their seats."""
    answered: str | None = None
    """What the plan came to."""
    policy: int = 1
    """Set of rates under which its coin fell; 1: as configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many audits are closed, by role."""

    calibrate: int
    certify: int

    @property
    def closed(self) -> int:
        return self.calibrate + self.certify


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An open audit as certificates see it."""

    decision_id: UUID
    number: int
    role: str
    rate: float
    asked_at: datetime
    policy: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Automated:
    """An audited decision that was accepted under a certificate; where the whole plan is watched, any of its own."""

    decision_id: UUID
    rate: float
    number: int
    truth: str | None
    answer: str | None
    is_open: bool
    asked_at: datetime
    people: tuple[str, ...] = ()
    stake: Stake | None = None
    policy: int = 1


# Only of decisions that took a plan with this prefix at their intake: what was drawn under another never licenses it.
# Compared with people is what was to be, whatever came of it: so many votes set apart, and an expert for each.
COMPARED = "(${0} = 0 OR audit.people >= ${0} AND coalesce((audit.expert_coin ->> 'rate')::float8, 0) >= 1)"

EVIDENCE = f"""
    SELECT decision_id, number, role, rate, truth, opinions::text, facts::text, votes::text, answered, policy
    FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND number > $4
        AND ($5::bigint IS NULL OR number < $5) AND {COMPARED.format(7)}
    ORDER BY number LIMIT $6
"""

COUNTED = f"""
    SELECT count(*) FILTER (WHERE role = 'calibrate') AS calibrate,
        count(*) FILTER (WHERE role = 'certify' AND number > $4) AS certify
    FROM audit WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND {COMPARED.format(5)}
"""

OPEN_OF = """
    SELECT work.decision_id, decision.number, decision.audit_role AS role, decision.audit_rate AS rate, work.asked_at,
        decision.audit_policy AS policy
    FROM work JOIN decision ON decision.id = work.decision_id
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
    ORDER BY decision.number
"""

AUTOMATED = f"""
    SELECT audit.decision_id, audit.rate, audit.number, audit.truth, outcome.answer, false AS is_open,
        audit.asked_at, audit.votes::text, audit.facts -> 'stake' AS stake, audit.policy
    FROM audit JOIN outcome ON outcome.decision_id = audit.decision_id AND outcome.kind = 'final'
    WHERE audit.org = 1 AND audit.type = $1 AND audit.slice = ANY($2::text[]) AND audit.number > $3
        AND outcome.certificate = ANY($4::text[]) AND {COMPARED.format(6)}
    UNION ALL
    SELECT work.decision_id, decision.audit_rate, decision.number, NULL, outcome.answer, true, work.asked_at, '[]',
        decision.facts -> 'stake', decision.audit_policy
    FROM work JOIN decision ON decision.id = work.decision_id
        JOIN outcome ON outcome.decision_id = work.decision_id AND outcome.kind = 'final'
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
        AND outcome.certificate = ANY($4::text[])
    ORDER BY 3 LIMIT $5
"""

# All that the plan answers, what it deferred, too; open are those as well that people are still to decide.
OF_PLAN = f"""
    SELECT audit.decision_id, audit.rate, audit.number, audit.truth, audit.answered AS answer, false AS is_open,
        audit.asked_at, audit.votes::text, audit.facts -> 'stake' AS stake, audit.policy
    FROM audit WHERE audit.org = 1 AND audit.type = $1 AND audit.slice = ANY($2::text[]) AND audit.number > $3
        AND audit.prefixes ? $4 AND {COMPARED.format(6)}
    UNION ALL
    SELECT work.decision_id, decision.audit_rate, decision.number, NULL, NULL, true, work.asked_at, '[]', NULL,
        decision.audit_policy
    FROM work JOIN decision ON decision.id = work.decision_id
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
        AND decision.plan_hash = $7
    ORDER BY 3 LIMIT $5
"""

# What the expert was to check and could not answer counts as wrong, as everywhere: the hard ones are lost more often.
UNANIMITY = """
    SELECT count(*) AS checked, count(*) FILTER (WHERE truth IS DISTINCT FROM unanimous) AS wrong FROM audit
    WHERE org = 1 AND type = $1 AND unanimous IS NOT NULL AND (expert_coin ->> 'drawn')::boolean
        AND truth_by IN ('expert', 'late', 'lost')
"""

DAILY = """
    SELECT count(*) AS audits, extract(epoch FROM clock_timestamp() - min(asked_at))::float8 AS seconds FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND closed_at > clock_timestamp() - interval '7 days'
"""

_said = msgspec.json.Decoder(dict[str, ModelSaid])
_votes = msgspec.json.Decoder(tuple[AuditVote, ...])
_stake = msgspec.json.Decoder(Stake | None)


async def evidence(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    prefix: str,
    after: int,
    before: int | None,
    limit: int,
    people: int = 0,
) -> list[Evidence]:
    """Return closed audits of a slice and prefix in the order of their intake, those with numbers between.

    `people`: only those of which so many votes were to be set apart, and an expert to say what is true.
    """
    rows = await connection.fetch(EVIDENCE, question_type, list(slices), prefix, after, before, limit, people)
    return [
        Evidence(
            decision_id=row["decision_id"],
            number=row["number"],
            role=row["role"],
            rate=row["rate"],
            truth=row["truth"],
            said=_said.decode(row["opinions"]),
            case=read_case(row["facts"]),
            people=_of_people(row["votes"]),
            answered=row["answered"],
            policy=row["policy"],
        )
        for row in rows
    ]


def _of_people(votes: str) -> tuple[str, ...]:
    return tuple(vote.answer for vote in _votes.decode(votes) if vote.purpose == "people")


async def counted(
    connection: Connection, question_type: str, slices: Sequence[str], prefix: str, after: int, people: int = 0
) -> Counted:
    """Return how many audits of a slice and prefix are closed; of those that certify, only with higher numbers."""
    row = await connection.fetchrow(COUNTED, question_type, list(slices), prefix, after, people)
    return Counted(**dict(row))


async def open_of(connection: Connection, question_type: str, slices: Sequence[str], after: int) -> list[Waiting]:
    """Return the open audits of a slice with higher numbers, in the order of their intake."""
    rows = await connection.fetch(OPEN_OF, question_type, list(slices), after)
    return [Waiting(**dict(row)) for row in rows]


async def automated(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    after: int,
    certificates: Sequence[str],
    limit: int,
    people: int = 0,
) -> list[Automated]:
    """Return audited decisions that were accepted under these certificates, open ones too, in intake order."""
    rows = await connection.fetch(AUTOMATED, question_type, list(slices), after, list(certificates), limit, people)
    return [_automated(row) for row in rows]


async def of_plan(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    after: int,
    *,
    prefix: str,
    plan_hash: str,
    people: int,
    limit: int,
) -> list[Automated]:
    """Return audited decisions of a plan, whoever answered them, open ones too, in intake order."""
    rows = await connection.fetch(OF_PLAN, question_type, list(slices), after, prefix, limit, people, plan_hash)
    return [_automated(row) for row in rows]


def _automated(row: Any) -> Automated:
    return Automated(
        decision_id=row["decision_id"],
        rate=row["rate"],
        number=row["number"],
        truth=row["truth"],
        answer=row["answer"],
        is_open=row["is_open"],
        asked_at=row["asked_at"],
        people=_of_people(row["votes"]),
        stake=_stake.decode(row["stake"]) if row["stake"] is not None else None,
        policy=row["policy"],
    )


async def unanimity(connection: Connection, question_type: str) -> tuple[int, int]:
    """Return how many unanimous audits a coin sent to the expert, and in how many of them all had been wrong."""
    row = await connection.fetchrow(UNANIMITY, question_type)
    return row["checked"], row["wrong"]


async def daily(connection: Connection, question_type: str, slices: Sequence[str]) -> float:
    """Return how many audits of the slice are closed a day, at the rate of the last week."""
    row = await connection.fetchrow(DAILY, question_type, list(slices))
    return row["audits"] * 86_400 / max(row["seconds"], 60.0) if row["audits"] else 0.0


async def closed_since(connection: Connection, moment: datetime) -> set[tuple[str, str]]:
    """Return the types and slices of which an audit was closed since then."""
    rows = await connection.fetch("SELECT DISTINCT type, slice FROM audit WHERE closed_at > $1", moment)
    return {(row["type"], row["slice"]) for row in rows}


async def last_number(connection: Connection) -> int:
    """Return the number of the decision that was asked last."""
    number: int | None = await connection.fetchval("SELECT last_value FROM decision_number WHERE is_called")
    return number or 0


async def volumes(connection: Connection, span: timedelta) -> dict[tuple[str, str], tuple[float, float]]:
    """Return by (type, slice) how many decisions the audits asked lately stand for, and in how many days."""
    rows = await connection.fetch(VOLUME, span)
    return {(row["type"], row["slice"]): (row["decisions"], row["days"]) for row in rows}
