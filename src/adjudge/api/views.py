"""Decisions as callers see them: one shape everywhere, whoever decided."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.history import Case
from adjudge.store.decisions import Seen

_case = msgspec.json.Decoder(Case)
encode = msgspec.json.Encoder().encode


class OutcomeView(msgspec.Struct):
    """One version of the answer."""

    version: int
    answer: Any
    confidence: float | None
    source: str
    deciders: list[str]
    reason: str
    certificate: str | None
    settled_at: datetime


class DecisionView(msgspec.Struct):
    """One question and its life so far."""

    id: UUID
    type: str
    location: str
    subject: Any
    status: str
    revision: int
    asked_at: datetime
    deadline: datetime | None
    waiting_for: Any
    outcome: OutcomeView | None


def view(seen: Seen) -> DecisionView:
    """Return a stored decision as callers see it."""
    return DecisionView(
        id=seen.id,
        type=seen.type,
        location=seen.location,
        subject=msgspec.Raw(seen.subject.encode()),
        status=seen.status,
        revision=seen.revision,
        asked_at=seen.asked_at,
        deadline=seen.deadline if seen.deadline_shown else None,
        waiting_for=_waiting(seen.waiting_for),
        outcome=_outcome(seen),
    )


def answer_value(facts: str, key: str | None) -> Any:
    """Return the answer as its type has it: a label, true, 3, an object."""
    return None if key is None else _case.decode(facts).space.value(key)


def _waiting(stored: str | None) -> Any:
    return None if stored in (None, "{}") else msgspec.Raw(str(stored).encode())


def _outcome(seen: Seen) -> OutcomeView | None:
    if seen.version is None or seen.settled_at is None:
        return None
    return OutcomeView(
        version=seen.version,
        answer=answer_value(seen.facts, seen.answer),
        confidence=None if seen.confidence is None else round(seen.confidence, 6),
        source=str(seen.source),
        deciders=list(seen.deciders or ()),
        reason=str(seen.reason),
        certificate=seen.certificate,
        settled_at=seen.settled_at,
    )
