"""Audited decisions that a certificate covers, or that its whole plan answered, as its watch reads them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.money import Stake
from adjudge.store.automation.audited import COMPARED, Selection, set_apart
from adjudge.store.connecting import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Which decisions some certificates cover: those accepted under them, and those that earlier stages answered."""

    certificates: tuple[str, ...]
    stage: int
    """Theirs."""
    plan_hashes: tuple[str, ...]
    """Plans with their prefix. (Closed audits carry the prefix itself.)"""
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

_stake = msgspec.json.Decoder(Stake | None)


async def automated(
    connection: Connection, which: Selection, after: int, covered: Covered, limit: int
) -> list[Automated]:
    """Return audited decisions that are covered, open ones too, in intake order."""
    rows = await connection.fetch(
        AUTOMATED,
        which.type,
        list(which.slices),
        after,
        list(covered.certificates),
        limit,
        which.people,
        covered.stage,
        which.prefix,
        list(covered.plan_hashes),
        list(covered.slices),
    )
    return [_automated(row) for row in rows]


async def of_plan(connection: Connection, which: Selection, after: int, plan_hash: str, limit: int) -> list[Automated]:
    """Return audited decisions of a plan, whoever answered them, open ones too, in intake order."""
    rows = await connection.fetch(
        OF_PLAN, which.type, list(which.slices), after, which.prefix, limit, which.people, plan_hash
    )
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
        people=set_apart(row["votes"]),
        stake=_stake.decode(row["stake"]) if row["stake"] is not None else None,
        policy=row["policy"],
        is_undecided=row["is_undecided"],
    )
