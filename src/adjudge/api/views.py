"""A stored decision in the shape that callers see."""

from typing import Any

import msgspec

from adjudge.core.views import DecisionView, OutcomeView, answer_value, encode
from adjudge.store.decisions import Seen


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
        waiting_for=waiting(seen.waiting_for),
        outcome=_outcome(seen),
    )


def waiting(stored: str | None) -> Any:
    """Return what a decision waits for as callers see it: a JSON object or nothing."""
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


__all__ = ["DecisionView", "OutcomeView", "answer_value", "encode", "view", "waiting"]
