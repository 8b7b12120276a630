"""Decisions as callers see them: one shape everywhere, in answers, in the feed and in webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adjudge.core.answers import ClosedSpace

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
    """One question and what has become of it so far."""

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


class _Facts(msgspec.Struct):
    """Of a stored case, as much as an answer needs."""

    space: ClosedSpace


_facts = msgspec.json.Decoder(_Facts)


def answer_value(facts: str, key: str | None) -> Any:
    """Return the answer as its type has it: a label, true, 3, an object."""
    return None if key is None else _facts.decode(facts).space.value(key)
