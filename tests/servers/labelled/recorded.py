"""Settled decisions of the past, written as the product writes them, many at a time."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from adjudge.store import partitions

LABELS = ("ale", "bread", "cheese")
START = datetime(2026, 11, 2, 9, tzinfo=UTC)

DECISIONS = """
    INSERT INTO decision (id, type, location, groups, lane, subject, stake_minor, stake_currency, facts, revision,
        plan_hash, principal, asked_at, deadline, deadline_shown, evidence_hash, audit, audit_rate, audit_role,
        audit_key, audit_policy)
    SELECT id, $2, location, '{eu,large}', 'standard', subject, 249, 'USD', facts, 1, 'p', 'key', asked_at, asked_at,
        false, '', audit, 0.25, CASE WHEN audit THEN 'certify' ELSE '' END, 'k', 1
    FROM unnest($1::uuid[], $3::text[], $4::jsonb[], $5::jsonb[], $6::timestamptz[], $7::boolean[])
        AS new (id, location, subject, facts, asked_at, audit)
"""
EVIDENCE = 'INSERT INTO evidence (decision_id, body) SELECT id, \'{"camera": "c1"}\' FROM unnest($1::uuid[]) AS id'
OUTCOMES = """
    INSERT INTO outcome (decision_id, version, kind, answer, source, confidence, deciders, reason, code, relied,
        attempt_id, votes, cost, path, settled_at)
    SELECT id, 1, 'final', answer, 'model', 0.9, '{vision@1}', '', 'by-hand', '[]', id, 0, '{}', path, at
    FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[]) AS new (id, answer, path, at)
"""
AMEND = """
    INSERT INTO outcome (decision_id, version, kind, answer, source, confidence, deciders, reason, code, relied,
        attempt_id, votes, cost, path, settled_at)
    SELECT decision_id, version + 1, 'amended', $2, source, confidence, deciders, reason, code, relied, attempt_id,
        votes, cost, $3, settled_at
    FROM outcome WHERE decision_id = $1
"""
VOTE = """
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at,
        answered_at, why)
    VALUES ($1, $2, $1, 'stage', 1, 0, 'agents', $3, 4.5, $4, $4, '')
"""
LABEL = """
    INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
    VALUES ($1, $2, '', $3, 'key', 1, false)
"""


def an_id(asked_at: datetime, number: int) -> UUID:
    first = UUID(partitions.first_id(asked_at)).int
    return UUID(int=first | 7 << 76 | 2 << 62 | number)


def facts(labels: Sequence[str] = LABELS, at: datetime = START) -> str:
    space = {"type": "labels", "labels": labels}
    return json.dumps({"type": "shelf", "location": "store-1", "space": space, "deadline": at.isoformat()})


def path(scores: dict[str, float], *, at: datetime, by: Sequence[str] = ("vision@1",)) -> str:
    answer = max(scores, key=scores.__getitem__)
    opinions: list[dict[str, Any]] = [
        {
            "kind": "opinion",
            "at": at.isoformat(),
            "stage": 0,
            "by": decider,
            "source": "model",
            "answer": answer,
            "confidence": scores[answer],
            "distribution": scores,
        }
        for decider in by
    ]
    settled = {"kind": "settled", "at": at.isoformat(), "version": 1, "outcome": "final"}
    return json.dumps([*opinions, {**settled, "answer": answer, "source": "model"}])


async def record(
    connection: asyncpg.Connection,
    count: int,
    *,
    question_type: str = "shelf",
    first: int = 0,
    start: datetime = START,
    step: timedelta = timedelta(minutes=1),
    labels: Sequence[str] = LABELS,
    by: Sequence[str] = ("vision@1",),
    location: str = "store-1",
    subject: dict[str, str] | None = None,
) -> list[UUID]:
    """Write settled decisions with a model's opinion each; return their ids, in order."""
    await make_weeks(connection, start, start + step * (first + count))
    rng = random.Random(first)
    asked = [start + step * number for number in range(first, first + count)]
    ids = [an_id(at, number) for number, at in enumerate(asked, first)]
    scores = [_scores(labels, rng) for _ in ids]
    await connection.execute(
        DECISIONS,
        ids,
        question_type,
        [location] * count,
        [json.dumps(subject or {"visit": f"v-{number}"}) for number in range(count)],
        [facts(labels)] * count,
        asked,
        [number % 4 == 0 for number in range(count)],
        timeout=300,
    )
    await connection.execute(EVIDENCE, ids)
    await connection.execute(
        OUTCOMES,
        ids,
        [max(each, key=each.__getitem__) for each in scores],
        [path(each, at=at, by=by) for each, at in zip(scores, asked, strict=True)],
        asked,
        timeout=300,
    )
    return ids


async def make_weeks(connection: asyncpg.Connection, start: datetime, end: datetime) -> None:
    week = partitions.week_of(start)
    weeks = []
    while week <= end:
        weeks.append(week)
        week += timedelta(weeks=1)
    there = await connection.fetch("SELECT relname FROM pg_class WHERE relname LIKE 'label\\_20%'")
    if {f"label_{week:%Y%m%d}" for week in weeks} - {row["relname"] for row in there}:
        await partitions.cover(connection, weeks)


def _scores(labels: Sequence[str], rng: random.Random) -> dict[str, float]:
    weights = [rng.random() ** 4 + 1e-6 for _ in labels]
    total = sum(weights)
    return {label: weight / total for label, weight in zip(labels, weights, strict=True)}
