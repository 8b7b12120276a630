"""Closed audits of a slice and a prefix of a plan, in intake order, as certificates and watches read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.audits import AuditVote, Heard, ModelSaid, StageVote
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.store.connecting import Connection
from adjudge.store.work import read_case


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
    voted: tuple[StageVote, ...] = ()
    """By which people decided in the plan."""

    @property
    def heard(self) -> Heard:
        return Heard(self.said, self.voted)

    @property
    def slice(self) -> str:
        return self.case.slice


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
    slice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Which decisions some certificates cover: those accepted under them, and those that earlier stages answered."""

    certificates: tuple[str, ...]
    stage: int
    """Theirs."""
    prefix: str
    plan_hashes: tuple[str, ...]
    """Plans with this prefix. (Closed audits carry the prefix itself.)"""
    slices: tuple[str, ...]
    """Slices in which they are in force: what earlier stages answered elsewhere is not covered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Automated:
    """An audited decision that a certificate covers; where the whole plan is watched, any of its own."""

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
    is_undecided: bool = False
    """Whether it may still come to be covered: the stages up to the certificate's are under way, or people late."""


# Only of decisions that took a plan with this prefix at their intake: what was drawn under another never licenses it.
# Compared with people are audits that were to have so many votes set apart and an expert's word, whether these came or
# not: to leave out those where they did not come would leave out the hard ones.
COMPARED = "(${0} = 0 OR audit.people >= ${0} AND coalesce((audit.expert_coin ->> 'rate')::float8, 0) >= 1)"

EVIDENCE = f"""
    SELECT decision_id, number, role, rate, truth, opinions::text, facts::text, votes::text, answered, policy,
        stage_votes::text
    FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND number > $4
        AND ($5::bigint IS NULL OR number < $5) AND {COMPARED.format(7)}
    ORDER BY number LIMIT $6
"""

# Of a group's slices only since they joined it: what was audited of them before is no evidence of it.
JOINED = "number > (${0}::bigint[])[array_position($2::text[], slice)]"

COUNTED = f"""
    SELECT count(*) FILTER (WHERE role = 'calibrate') AS calibrate,
        count(*) FILTER (WHERE role = 'certify' AND number > $4) AS certify
    FROM audit WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND {COMPARED.format(5)}
        AND {JOINED.format(6)}
"""

NEWEST = f"""
    SELECT number FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND {COMPARED.format(5)}
        AND {JOINED.format(6)}
    ORDER BY number DESC OFFSET $4 LIMIT 1
"""

LOST = f"""
    SELECT why, count(*) AS audits FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND prefixes ? $3 AND number > $4 AND role = 'certify'
        AND truth IS NULL AND {COMPARED.format(5)} AND {JOINED.format(6)}
    GROUP BY why
"""

OPEN_OF = """
    SELECT work.decision_id, decision.number, decision.audit_role AS role, decision.audit_rate AS rate, work.asked_at,
        decision.audit_policy AS policy, decision.facts ->> 'slice' AS slice
    FROM work JOIN decision ON decision.id = work.decision_id
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
    ORDER BY decision.number
"""

# A certificate covers everything that its plan answers up to its stage, so its watch also counts what earlier stages
# have answered: decisions of models in whose path no stage was asked after those.
_BEFORE = """
    outcome.source IN ('model', 'rule') AND $7 > (
        SELECT max((event ->> 'stage')::int) FROM jsonb_array_elements(outcome.path) AS event
        WHERE event ->> 'kind' = 'asked')
"""

# While a fallback holds, or was only provisional, the people asked last may still answer.
_REOPENED = """
    $7 >= (
        SELECT max((event ->> 'stage')::int) FROM jsonb_array_elements(deciding.history) AS event
        WHERE event ->> 'kind' = 'asked' AND (event ->> 'seats')::int > 0)
"""

AUTOMATED = f"""
    SELECT audit.decision_id, audit.rate, audit.number, audit.truth, outcome.answer, false AS is_open,
        audit.asked_at, audit.votes::text, audit.facts -> 'stake' AS stake, audit.policy, false AS is_undecided
    FROM audit JOIN outcome ON outcome.decision_id = audit.decision_id AND outcome.kind = 'final'
    WHERE audit.org = 1 AND audit.type = $1 AND audit.slice = ANY($2::text[]) AND audit.number > $3
        AND (outcome.certificate = ANY($4::text[])
            OR ($7 > 0 AND audit.prefixes ? $8 AND audit.slice = ANY($10::text[]) AND {_BEFORE}))
        AND {COMPARED.format(6)}
    UNION ALL
    SELECT work.decision_id, decision.audit_rate, decision.number, NULL, outcome.answer, true, work.asked_at, '[]',
        decision.facts -> 'stake', decision.audit_policy, false
    FROM work JOIN decision ON decision.id = work.decision_id
        JOIN outcome ON outcome.decision_id = work.decision_id AND outcome.kind = 'final'
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
        AND (outcome.certificate = ANY($4::text[])
            OR ($7 > 0 AND decision.plan_hash = ANY($9::text[])
                AND decision.facts ->> 'slice' = ANY($10::text[]) AND {_BEFORE}))
    UNION ALL
    SELECT work.decision_id, decision.audit_rate, decision.number, NULL, NULL, true, work.asked_at, '[]',
        decision.facts -> 'stake', decision.audit_policy, true
    FROM work JOIN decision ON decision.id = work.decision_id
        JOIN work AS deciding ON deciding.decision_id = work.decision_id AND deciding.purpose = 'decide'
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($10::text[])
        AND decision.number > $3 AND decision.plan_hash = ANY($9::text[])
        AND (deciding.status = 'open' AND deciding.stage <= $7 OR deciding.status <> 'open' AND {_REOPENED})
    ORDER BY 3 LIMIT $5
"""

# All that the plan answers, also what it deferred; audits of decisions that people are still to decide count as open.
OF_PLAN = f"""
    SELECT audit.decision_id, audit.rate, audit.number, audit.truth, audit.answered AS answer, false AS is_open,
        audit.asked_at, audit.votes::text, audit.facts -> 'stake' AS stake, audit.policy, false AS is_undecided
    FROM audit WHERE audit.org = 1 AND audit.type = $1 AND audit.slice = ANY($2::text[]) AND audit.number > $3
        AND audit.prefixes ? $4 AND {COMPARED.format(6)}
    UNION ALL
    SELECT work.decision_id, decision.audit_rate, decision.number, NULL, NULL, true, work.asked_at, '[]', NULL,
        decision.audit_policy, false
    FROM work JOIN decision ON decision.id = work.decision_id
    WHERE work.purpose = 'audit' AND work.type = $1 AND decision.facts ->> 'slice' = ANY($2::text[])
        AND decision.number > $3
        AND decision.plan_hash = $7
    ORDER BY 3 LIMIT $5
"""

# What the expert was to check and could not answer counts as wrong, as lost audits always do.
UNANIMITY = """
    SELECT count(*) AS checked, count(*) FILTER (WHERE truth IS DISTINCT FROM unanimous) AS wrong FROM audit
    WHERE org = 1 AND type = $1 AND unanimous IS NOT NULL AND (expert_coin ->> 'drawn')::boolean
        AND truth_by IN ('expert', 'late', 'lost')
"""

DAILY = """
    SELECT count(*) AS audits, extract(epoch FROM clock_timestamp() - min(asked_at))::float8 AS seconds FROM audit
    WHERE org = 1 AND type = $1 AND slice = ANY($2::text[]) AND closed_at > now() - interval '7 days'
"""

# What was asked since then was closed since then. That has an index, and it is used where the limit is `now()`, which
# stands still in a statement. Open audits count too. By closed ones alone, fewer decisions would seem to come where
# people are behind; the rate would rise, and leave them further behind.
VOLUME = """
    SELECT type, slice, sum(decisions) AS decisions, max(days) AS days,
        coalesce((array_agg(decisions ORDER BY decisions DESC))[2], 0) AS second
    FROM (
        SELECT type, slice, sum(1 / rate)::float8 AS decisions, max(age) AS days
        FROM (
            SELECT type, slice, rate, extract(epoch FROM clock_timestamp() - asked_at)::float8 / 86400 AS age
            FROM audit WHERE asked_at > now() - $1::interval AND closed_at > now() - $1::interval
            UNION ALL
            SELECT work.type, decision.facts ->> 'slice', decision.audit_rate,
                extract(epoch FROM clock_timestamp() - work.asked_at)::float8 / 86400
            FROM work JOIN decision ON decision.id = work.decision_id
            WHERE work.purpose = 'audit' AND work.asked_at > clock_timestamp() - $1::interval
        ) AS drawn
        WHERE rate > 0 GROUP BY type, slice, greatest(floor(age), 0)
    ) AS by_day
    GROUP BY type, slice
"""

_said = msgspec.json.Decoder(dict[str, ModelSaid])
_votes = msgspec.json.Decoder(tuple[AuditVote, ...])
_voted = msgspec.json.Decoder(tuple[StageVote, ...])
_stake = msgspec.json.Decoder(Stake | None)


@dataclass(frozen=True, slots=True)
class Volume:
    """How many decisions came of a slice, as its audits stand for them."""

    decisions: float
    days: float
    """In so many."""
    second: float
    """On the second-busiest of them: a single burst has none."""


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
            voted=_voted.decode(row["stage_votes"]),
        )
        for row in rows
    ]


def _of_people(votes: str) -> tuple[str, ...]:
    return tuple(vote.answer for vote in _votes.decode(votes) if vote.purpose == "people")


async def counted(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    joined: Sequence[int],
    prefix: str,
    after: int,
    people: int = 0,
) -> Counted:
    """Return how many audits of a slice and prefix are closed; of those that certify, only with higher numbers.

    `joined`: of each slice of a group the last decision before it joined.
    """
    row = await connection.fetchrow(COUNTED, question_type, list(slices), prefix, after, people, list(joined))
    return Counted(**dict(row))


async def newest(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    joined: Sequence[int],
    prefix: str,
    count: int,
    people: int = 0,
) -> int:
    """Return the number behind which so many closed audits of a slice and prefix lie; 0 where there are fewer.

    `joined`: as of `counted`.
    """
    number: int | None = await connection.fetchval(
        NEWEST, question_type, list(slices), prefix, count, people, list(joined)
    )
    return number or 0


async def lost(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    joined: Sequence[int],
    prefix: str,
    after: int,
    people: int = 0,
) -> dict[str, int]:
    """Return how many certify-audits with higher numbers have no truth, and so count as wrong, by the reason.

    `joined`: as of `counted`.
    """
    rows = await connection.fetch(LOST, question_type, list(slices), prefix, after, people, list(joined))
    return {row["why"]: row["audits"] for row in rows}


async def open_of(connection: Connection, question_type: str, slices: Sequence[str], after: int) -> list[Waiting]:
    """Return the open audits of a slice with higher numbers, in the order of their intake."""
    rows = await connection.fetch(OPEN_OF, question_type, list(slices), after)
    return [Waiting(**dict(row)) for row in rows]


async def automated(
    connection: Connection,
    question_type: str,
    slices: Sequence[str],
    after: int,
    covered: Covered,
    limit: int,
    people: int = 0,
) -> list[Automated]:
    """Return audited decisions that are covered, open ones too, in intake order."""
    rows = await connection.fetch(
        AUTOMATED,
        question_type,
        list(slices),
        after,
        list(covered.certificates),
        limit,
        people,
        covered.stage,
        covered.prefix,
        list(covered.plan_hashes),
        list(covered.slices),
    )
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
        is_undecided=row["is_undecided"],
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


async def volumes(connection: Connection, span: timedelta) -> dict[tuple[str, str], Volume]:
    """Return how many decisions stand behind recent audits, open or closed, by (type, slice)."""
    rows = await connection.fetch(VOLUME, span)
    return {(row["type"], row["slice"]): Volume(row["decisions"], row["days"], row["second"]) for row in rows}
