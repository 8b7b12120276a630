"""Replay: a recorded path put through `advance` again must end as it did (promise 7)."""

from adjudge.core.advance import Controls, advance
from adjudge.core.events import Asked, Deferred, FellBack, HistoryEvent, Settled
from adjudge.core.history import Case, History
from adjudge.core.plans import Plan

DERIVED = (Asked, Deferred, FellBack, Settled)
"""What `advance` itself records; everything else comes from outside."""


NO_CONTROLS = Controls()


class Diverged(Exception):
    """The same inputs lead elsewhere than they did: the record is incomplete, or `advance` has changed."""


def replay(plan: Plan, case: Case, path: tuple[HistoryEvent, ...], controls: Controls = NO_CONTROLS) -> None:
    """Check that every step recorded in the path follows from what stands before it. Raises Diverged.

    A cancellation is somebody's act, not a step of the plan: the path is checked up to it.
    """
    position = 0
    while position < len(path):
        event = path[position]
        if isinstance(event, Settled) and event.source == "cancel":
            return
        if not isinstance(event, DERIVED):
            position += 1
            continue
        record = advance(plan, History(case, path[:position]), controls, event.at).record
        if not record or path[position : position + len(record)] != record:
            raise Diverged(f"event {position}: recorded {event}, replayed {record[:1] or 'nothing'}")
        position += len(record)
