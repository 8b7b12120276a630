"""Replay: a recorded path put through `advance` again must end as it did (promise 7)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from adjudge.core.advance import advance
from adjudge.core.controls import Controls
from adjudge.core.events import Deferred, Derived, FellBack, HistoryEvent, Settled
from adjudge.core.history import Case, History
from adjudge.core.licences import Licence
from adjudge.core.plans import Plan
from adjudge.core.pools import Snapshot

NO_LICENCES: Final[Mapping[str, Licence]] = {}
NO_SNAPSHOTS: Final[Mapping[int, Snapshot]] = {}
_REASONED: Final = (Deferred, FellBack, Settled)


class Diverged(Exception):
    """The same inputs lead elsewhere than they did: the record is incomplete, or `advance` has changed."""


def replay(
    plan: Plan,
    case: Case,
    path: tuple[HistoryEvent, ...],
    licences: Mapping[str, Licence] = NO_LICENCES,
    snapshots: Mapping[int, Snapshot] = NO_SNAPSHOTS,
) -> None:
    """Check that every step recorded in the path follows from what stands before it. Raises Diverged.

    Controls are read from the record; `licences`: those of the certificates that it names, by id; `snapshots`: of
    the case's type, those that it names, by number. A cancellation or an amendment is somebody's act, not a step of
    the plan: the path is checked up to it. Reasons are not compared: a later release may word them otherwise.
    """
    position = 0
    while position < len(path):
        event = path[position]
        if isinstance(event, Settled) and (event.source == "cancel" or event.outcome == "amended"):
            return
        if not isinstance(event, Derived):
            position += 1
            continue
        controls = Controls(
            frozenset(event.switched_off),
            licences={licences[id_].scope: licences[id_] for id_ in event.licences},
            learnt={case.type: snapshots[event.learnt]} if event.learnt else {},
        )
        record = advance(plan, History(case, path[:position]), controls, event.at).record
        if not record or _unworded(path[position : position + len(record)]) != _unworded(record):
            raise Diverged(f"event {position}: recorded {event}, replayed {record[:1] or 'nothing'}")
        position += len(record)


def _unworded(events: tuple[HistoryEvent, ...]) -> tuple[HistoryEvent, ...]:
    return tuple(msgspec.structs.replace(each, reason="") if isinstance(each, _REASONED) else each for each in events)
