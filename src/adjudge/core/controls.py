"""Controls stand above the revision and act at once: kill switches, and which certificates are in force."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adjudge.core.history import Case
from adjudge.core.licences import Licence, ScopeName
from adjudge.core.pools import Snapshot


@dataclass(frozen=True, slots=True)
class Controls:
    """What stands above the revision and acts at once."""

    switched_off: frozenset[str] = frozenset()
    """Deciders that must be neither asked nor believed, and places where that holds for all deciders (`places_of`)."""
    generations: Mapping[str, int] = field(default_factory=dict)
    """Generation in force, by scope; 0 where a control was never touched."""
    licences: Mapping[ScopeName, Licence] = field(default_factory=dict)
    """The licence of each certificate in force, by scope."""
    learnt: Mapping[str, Snapshot] = field(default_factory=dict)
    """By question type, the newest snapshot of what votes are worth."""


AUTOMATION: Final = "automation"
"""The control whose generation grows with every switch of a place."""
EVERYWHERE: Final = "everywhere"


def places_of(case: Case) -> tuple[str, ...]:
    """Return the names under which all automation can be switched off for this case.

    `everywhere`, `type:claim.pay`, `type:claim.pay@store-042`, `location:store-042`, `group:eu`.
    """
    groups = (f"group:{name}" for name in case.groups)
    own = (f"type:{case.type}", f"type:{case.type}@{case.location}", f"location:{case.location}")
    return (EVERYWHERE, *own, *groups)


def is_place(name: str) -> bool:
    """Return whether a switch is that of a place; deciders have an `@` and no colon."""
    return name == EVERYWHERE or ":" in name


def touching(controls: Controls, deciders: frozenset[str], case: Case) -> tuple[str, ...]:
    """Return the switches that concern a case for which these deciders may be asked: places first, each sorted."""
    off = controls.switched_off
    return tuple(sorted(off & deciders.union(places_of(case)), key=_places_first)) if off else ()


def _places_first(name: str) -> tuple[bool, str]:
    return not is_place(name), name
