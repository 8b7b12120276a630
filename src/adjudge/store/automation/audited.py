"""Audits of a slice and a prefix of a plan, in intake order, as certificates read them; and how many come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.audits import AuditVote, Heard, ModelSaid, StageVote
from adjudge.core.history import Case
from adjudge.store.connecting import Connection
from adjudge.store.work import read_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which audits are read: of a type, in some slices, of decisions that took a plan with this prefix."""

    type: str
    slices: Sequence[str]
    prefix: str
    people: int = 0
    """Only those of which so many votes were to be set apart, and an expert to say what is true; 0: all."""
    joined: Sequence[int] = ()
    """Of each slice the last decision before it joined the group; empty: none ever joined."""


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

# What the expert was to check and could not answer counts as wrong, as lost audits always do. That three who agree are
# right says nothing of one alone: only where as many had to agree. (The expert's own vote stands with theirs.)
UNANIMITY = """
    SELECT count(*) AS checked, count(*) FILTER (WHERE truth IS DISTINCT FROM unanimous) AS wrong FROM audit
    WHERE org = 1 AND type = $1 AND unanimous IS NOT NULL AND (expert_coin ->> 'drawn')::boolean
        AND truth_by IN ('expert', 'late', 'lost')
        AND ($2 = 0 OR $2 + (truth_by = 'expert')::int = (
            SELECT count(*) FROM jsonb_array_elements(votes) AS vote WHERE vote ->> 'purpose' = 'truth'))
"""

DAILY = """
    SELECT coalesce(sum($3::float8 / nullif(rate, 0)), count(*))::float8 AS audits,
        extract(epoch FROM clock_timestamp() - min(asked_at))::float8 AS seconds FROM audit
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


@dataclass(frozen=True, slots=True)
class Volume:
    """How many decisions came of a slice, as its audits stand for them."""

    decisions: float
    days: float
    """In so many."""
    second: float
    """On the second-busiest of them: a single burst has none."""


async def evidence(
    connection: Connection, which: Selection, after: int, before: int | None, limit: int
) -> list[Evidence]:
    """Return closed audits in the order of their intake, those with numbers between."""
    rows = await connection.fetch(
        EVIDENCE, which.type, list(which.slices), which.prefix, after, before, limit, which.people
    )
    return [
        Evidence(
            decision_id=row["decision_id"],
            number=row["number"],
            role=row["role"],
            rate=row["rate"],
            truth=row["truth"],
            said=_said.decode(row["opinions"]),
            case=read_case(row["facts"]),
            people=set_apart(row["votes"]),
            answered=row["answered"],
            policy=row["policy"],
            voted=_voted.decode(row["stage_votes"]),
        )
        for row in rows
    ]


def set_apart(votes: str) -> tuple[str, ...]:
    """Return the answers of people that are compared with the plan's, in the order of their seats."""
    return tuple(vote.answer for vote in _votes.decode(votes) if vote.purpose == "people")


async def counted(connection: Connection, which: Selection, after: int) -> Counted:
    """Return how many audits are closed; of those that certify, only with higher numbers."""
    return Counted(**dict(await connection.fetchrow(COUNTED, *_columns(which, after))))


async def newest(connection: Connection, which: Selection, count: int) -> int:
    """Return the number behind which so many closed audits lie; 0 where there are fewer."""
    number: int | None = await connection.fetchval(NEWEST, *_columns(which, count))
    return number or 0


async def lost(connection: Connection, which: Selection, after: int) -> dict[str, int]:
    """Return how many certify-audits with higher numbers have no truth, and so count as wrong, by the reason."""
    return {row["why"]: row["audits"] for row in await connection.fetch(LOST, *_columns(which, after))}


def _columns(which: Selection, bound: int) -> tuple[Any, ...]:
    joined = list(which.joined) or [0] * len(which.slices)
    return which.type, list(which.slices), which.prefix, bound, which.people, joined


async def open_of(connection: Connection, question_type: str, slices: Sequence[str], after: int) -> list[Waiting]:
    """Return the open audits of a slice with higher numbers, in the order of their intake."""
    rows = await connection.fetch(OPEN_OF, question_type, list(slices), after)
    return [Waiting(**dict(row)) for row in rows]


async def unanimity(connection: Connection, question_type: str, alike: int = 0) -> tuple[int, int]:
    """Return how many unanimous audits a coin sent to the expert, and in how many of them all had been wrong.

    `alike`: how many people had to agree; 0: any number.
    """
    row = await connection.fetchrow(UNANIMITY, question_type, alike)
    return row["checked"], row["wrong"]


async def daily(connection: Connection, question_type: str, slices: Sequence[str], rate: float | None) -> float:
    """Return how many audits of the slice are closed a day, by the decisions of the last week.

    `rate`: at which they are drawn from now on; None: as they were.
    """
    row = await connection.fetchrow(DAILY, question_type, list(slices), rate)
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
