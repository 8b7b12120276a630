"""The section `schedules`: hours of a location in which something else holds, laid on top of all other layers.

One holds at a time, at most. Which one is told when a question comes in; a decision keeps what it began with.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from adjudge.config.documents.cursors import Cursor, described
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import check_name
from adjudge.config.keys import SECTIONS
from adjudge.config.sections.hours import ALWAYS, Hours, read_hours
from adjudge.config.sections.names import Names

OVERLAID: Final = ("types", "plans", "routes")
"""What a schedule may change."""
OF_TYPES: Final = ("deadline", "lane", "safe_side", "fallbacks")
"""What of a type it may change: what is settled when a question comes in, not what people and models are shown."""
_KEYS: Final = frozenset(key.name for key in SECTIONS["type"])
MOST_SCHEDULES: Final = 20
"""At one location."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours with an overlay."""

    name: str
    at: Cursor
    hours: Hours
    overlay: Node


def read_schedules(at: Cursor | None, names: Names) -> tuple[Schedule, ...]:
    """Read those of one location. Two that hold at once are a fault."""
    if at is None:
        return ()
    schedules = [_schedule(name, child, names) for name, child in at.entries().items()]
    if len(schedules) > MOST_SCHEDULES:
        at.fault(f"a location has at most {MOST_SCHEDULES} schedules")
    _check_overlaps(schedules)
    return tuple(schedules)


def _schedule(name: str, at: Cursor, names: Names) -> Schedule:
    check_name(at, name, "a schedule")
    before = at.faults.met
    with at.fields() as fields:
        hours = fields.need("hours", "hours: {mon-fri: 11:30-13:30}")
        found = {key: fields.get(key) for key in OVERLAID}
    overlay = {key: child.node.in_schedule(name) for key, child in found.items() if child is not None}
    for key, node in overlay.items():
        if key != "routes" and not isinstance(node.value, dict):
            at.fault(f"`{key}` is a mapping, not {described(node)}")
    if not overlay and name not in names.routed and at.faults.met == before:
        keys = ", ".join(f"`{key}`" for key in OVERLAID)
        at.fault(f"it changes nothing: give it {keys}, or name it in a route")
    if found["types"] is not None:
        overlay["types"] = _types(replace(found["types"], node=overlay["types"]), names.lasting)
    return Schedule(
        name, at, read_hours(hours) if hours is not None else ALWAYS, Node(overlay, at.node.origin, f"schedule {name}")
    )


def _types(at: Cursor, types: Collection[str]) -> Node:
    """Check what is changed of types, and return it without those that there are not."""
    known: dict[str, Node] = {}
    for name, kind in at.entries().items():
        if name not in types:
            kind.fault(f"no question type `{name[:80]}` that a schedule could change", nearest(name, types))
            continue
        known[name] = kind.node
        for key, child in kind.entries().items():
            if key in _KEYS and key not in OF_TYPES:
                child.fault(f"a schedule changes of a type only {', '.join(OF_TYPES)}: what is asked stays the same")
    return at.node.holding(known) if isinstance(at.node.value, dict) else at.node


def _check_overlaps(schedules: Sequence[Schedule]) -> None:
    for number, schedule in enumerate(schedules):
        for before in schedules[:number]:
            when = before.hours.overlap(schedule.hours)
            if when is not None:
                schedule.at.fault(
                    f"`{before.name}` ({before.at.node.origin}) holds at the same time, as on {when}: one at a time"
                )
