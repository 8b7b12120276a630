"""Settlement: outcomes of a batch written in one statement, and who won is learnt from it."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from adjudge.core.events import Fault, HistoryEvent, Opinion, Settled, write_events
from adjudge.core.outcomes import Outcome
from adjudge.store.outcomes import NewOutcome

_encode = msgspec.json.Encoder().encode


def new_outcome(
    decision: UUID, stage: int, outcome: Outcome, events: tuple[HistoryEvent, ...], *, attempt: UUID
) -> NewOutcome:
    """Return the row: its path is what happened since the version before, its cost and votes are of all."""
    return NewOutcome(
        decision_id=decision,
        base=outcome.version - 1,
        stage=stage,
        kind=outcome.kind,
        answer=outcome.answer,
        source=outcome.source,
        confidence=outcome.confidence,
        deciders=",".join(outcome.deciders),
        reason=outcome.reason,
        code=outcome.code,
        certificate=outcome.certificate,
        relied=_encode(outcome.relied).decode(),
        attempt_id=attempt,
        votes=sum(isinstance(event, Opinion) and event.source == "reviewer" for event in events),
        cost=_encode(cost_of(events)).decode(),
        path=write_events(since_last_version(events)),
    )


def cost_of(events: Sequence[HistoryEvent]) -> dict[str, int]:
    """Return what it all cost in micros, by currency: never summed over currencies."""
    costs: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Opinion | Fault) and event.cost_micros and event.currency:
            costs[event.currency] += event.cost_micros
    return dict(costs)


def since_last_version(events: tuple[HistoryEvent, ...]) -> tuple[HistoryEvent, ...]:
    """Return the events after the last outcome but this one, whose own `Settled` ends them."""
    earlier = [n for n, event in enumerate(events[:-1]) if isinstance(event, Settled)]
    return events[earlier[-1] + 1 :] if earlier else events
