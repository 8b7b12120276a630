"""Closed audits as if they had been answered: what takes people days is written in a moment."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
from tests.configured import PLANS, TYPES, configuration
from tests.stacks import Stack

from adjudge.core.answers import Labels
from adjudge.core.audits import AuditVote, StageVote
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.store.automation.audits import written

TARGET = 0.05
EXPERTS = {"rate": 1, "expert": "experts"}
CERTIFIED = {"ask": "sure@1", "accept": {"certified": {"target": TARGET}}}
PEOPLE = {"ask": "agents", "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": "10m"}


def certified(ask: str = "sure@1", **more: Any) -> dict[str, Any]:
    """Documents in which `model` is automated as far as it is certified, and audited by experts alone."""
    types = {name: {"answers": ["pay", "refuse"], **TYPES.get(name, {})} for name in PLANS}
    types["model"]["audits"] = {**EXPERTS, **more}
    plan = {"stages": [{**CERTIFIED, "ask": ask}, PEOPLE], "fallback": {"answer": "refuse"}}
    return {"types": types, "plans": {**PLANS, "model": plan}, "pools": configuration()["pools"]}


ROW = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
        expert_coin, votes, opinions, facts, prefixes, people, stage_votes, answered)
    SELECT id, number, 'model', 'default', $9, role, $10, $11, clock_timestamp(), truth,
        CASE WHEN truth IS NULL THEN 'lost' ELSE 'expert' END, '{"rate": 1}', votes, opinions, facts, $7,
        jsonb_array_length(votes), $12, 'pay'
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $8::jsonb[])
        AS new (id, number, role, truth, opinions, facts, votes)
"""


async def record(
    stack: Stack,
    count: int,
    *,
    wrong: Sequence[int] = (),
    lost: Sequence[int] = (),
    by: str = "sure@1",
    sure: float = 0.9,
    people: Sequence[int] | None = None,
    slice_: str = "all",
    stakes: Sequence[Stake] | None = None,
    rate: float = 1.0,
    policy: int = 1,
    beside: Sequence[Mapping[str, str]] = ({},),
    voted: Sequence[StageVote] = (),
) -> list[UUID]:
    """Record audits of a model that said `pay`, `sure` of it and more; every fifth calibrates. Return their ids.

    So the plan answered. `people`: with three votes set apart, all of them wrong in these. `stakes`: in turn.
    `beside`: what others said, in turn, all 0.9 sure. `voted`: by people in the plan.
    """
    configured = stack.services.revisions.current
    prefixes = configured.plan("default", "model").prefixes
    deadline = await stack.value("SELECT clock_timestamp()")
    case = Case(type="model", location="default", space=Labels(("pay", "refuse")), deadline=deadline, slice=slice_)
    first = await stack.value("SELECT setval('decision_number', nextval('decision_number') + $1)", count) - count
    ids = [uuid4() for _ in range(count)]
    said = [_said(by, sure + 0.0001 * (n % 900), beside[n % len(beside)]) for n in range(count)]
    truths = [None if n in lost else "refuse" if n in wrong else "pay" for n in range(count)]
    roles = ["calibrate" if n % 5 == 0 else "certify" for n in range(count)]
    numbers = [first + n for n in range(count)]
    votes = [_votes(truth, n in people) if people is not None else "[]" for n, truth in enumerate(truths)]
    cases = [msgspec.structs.replace(case, stake=stakes[n % len(stakes)] if stakes else None) for n in range(count)]
    facts = [written(each) for each in cases]
    ours = written(voted)
    await stack.rows(
        ROW, ids, numbers, roles, truths, said, facts, json.dumps(prefixes), votes, slice_, rate, policy, ours
    )
    return ids


def _votes(truth: str | None, is_wrong: bool) -> str:
    answer = "refuse" if (truth == "pay") == is_wrong else "pay"
    return written([AuditVote(reviewer=f"r{n}", pool="agents", purpose="people", answer=answer) for n in range(3)])


async def record_of_two(stack: Stack, count: int, *, first_by: str = "sure@1", slice_: str = "all") -> None:
    """Record audits of a model that is unsure of every second question, which another one knows."""
    configured = stack.services.revisions.current
    prefixes = configured.plan("default", "model").prefixes
    deadline = await stack.value("SELECT clock_timestamp()")
    case = Case(type="model", location="default", space=Labels(("pay", "refuse")), deadline=deadline, slice=slice_)
    first = await stack.value("SELECT setval('decision_number', nextval('decision_number') + $1)", count) - count
    sure = [n % 2 == 0 for n in range(count)]
    said = [
        json.dumps(
            {
                **json.loads(_said(first_by, 0.97 if each else 0.55 + 0.0001 * n)),
                **json.loads(_said("second@1", 0.9)),
            }
        )
        for n, each in enumerate(sure)
    ]
    wrong = [n % 8 == 1 for n in range(count)]
    said = [
        text.replace('"second@1": {"answer": "pay"', '"second@1": {"answer": "refuse"', 1) if bad else text
        for text, bad in zip(said, wrong, strict=True)
    ]
    truths = ["refuse" if bad else "pay" for bad in wrong]
    roles = ["calibrate" if n % 5 == 0 else "certify" for n in range(count)]
    numbers = [first + n for n in range(count)]
    ids, none = [uuid4() for _ in range(count)], ["[]"] * count
    await stack.rows(
        ROW, ids, numbers, roles, truths, said, [written(case)] * count, json.dumps(prefixes), none, slice_, 1, 1, "[]"
    )


def _said(by: str, confidence: float, beside: Mapping[str, str] | None = None) -> str:
    said = {by: _opinion("pay", confidence)} | {name: _opinion(answer, 0.9) for name, answer in (beside or {}).items()}
    return json.dumps(said)


def _opinion(answer: str, confidence: float) -> dict[str, Any]:
    other = "refuse" if answer == "pay" else "pay"
    distribution = {answer: confidence, other: 1 - confidence}
    return {"answer": answer, "confidence": confidence, "distribution": distribution}
