"""Settlement: what the outcome of a decision records beside its answer, such as its cost and its path."""

from uuid import UUID

import msgspec

from adjudge.core.events import HistoryEvent, Opinion, Settled, write_events
from adjudge.core.history import cost_of
from adjudge.core.outcomes import Outcome
from adjudge.store.outcomes import NewOutcome, OutcomeTerms

_encode = msgspec.json.Encoder().encode


def new_outcome(
    decision: UUID, stage: int, outcome: Outcome, events: tuple[HistoryEvent, ...], *, attempt: UUID
) -> NewOutcome:
    """Return the row: its path is what happened since the version before, its cost and votes are of all."""
    terms = OutcomeTerms(
        base=outcome.version - 1,
        kind=outcome.kind,
        source=outcome.source,
        deciders=",".join(outcome.deciders),
        code=outcome.code,
        certificate=outcome.certificate,
        relied=_encode(outcome.relied).decode(),
        votes=len([event for event in events if type(event) is Opinion and event.source == "reviewer"]),
        cost=_encode(cost_of(events)).decode(),
        stage=stage,
    )
    return NewOutcome(
        decision_id=decision,
        terms=terms,
        answer=outcome.answer,
        confidence=outcome.confidence,
        reason=outcome.reason,
        attempt_id=attempt,
        path=write_events(since_last_version(events)),
    )


def since_last_version(events: tuple[HistoryEvent, ...]) -> tuple[HistoryEvent, ...]:
    """Return the events after the last outcome but this one, whose own `Settled` ends them."""
    earlier = [n for n, event in enumerate(events[:-1]) if type(event) is Settled]
    return events[earlier[-1] + 1 :] if earlier else events
