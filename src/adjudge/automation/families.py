"""Many slices at once: groups and their members, and error budgets that a family of slices shares."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adjudge.automation.betting import epoch_delta
from adjudge.automation.binomial import tail
from adjudge.automation.watching import Watch

LOOKS: Final = 4
"""Dated looks at the members of a group in the validity of its certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a member's audits of automated decisions came to by a date fixed beforehand."""

    audits: int
    errors: int


def member_watch(*, target: float, delta: float, members: int, validity: int = 5000) -> Watch:
    """Return the watch of one member that inherits from its group: at its share of delta, at any time."""
    return Watch.begin(target=target, delta=delta / members, validity=validity)


def dated_look(age: timedelta, validity: timedelta) -> int:
    """Return the number of the look that is due at this age of a group's epoch: one each quarter of the validity.

    Dates are fixed as the epoch begins, so no answer has a part in when one looks. 0: none is due yet.
    """
    return max(0, age // (validity / LOOKS))


def look_delta(delta: float, look: int) -> float:
    """Return what the look of this number may spend: all together, however many there will be, spend delta."""
    return epoch_delta(delta, look)


def chance(tally: Tally, target: float) -> float:
    """Return the probability of so many errors, or more, in a member whose risk is the target."""
    return tail(tally.audits - tally.errors, tally.audits, 1 - target)


def leaving(tallies: Mapping[str, Tally], *, target: float, delta: float) -> frozenset[str]:
    """Return the members that leave at a dated look: each one's exact test at delta over their number.

    A group's certificate speaks of its average: nineteen members far below the target carry one far above.
    """
    share = delta / max(1, len(tallies))
    return frozenset(name for name, tally in tallies.items() if chance(tally, target) <= share)


def shares(order: Sequence[str], weights: Mapping[str, float], done: AbstractSet[str]) -> dict[str, float]:
    """Return the share of the family's delta that each slice tests at (the fallback procedure, Wiens 2003).

    A slice is done when every threshold of its sequence is licensed: it has nothing left to be wrong about,
    and its weight passes to the next in the fixed order that is not done. Passed on at a slice's first
    licence, while that slice goes on testing, the same weight would be spent twice.
    Raises ValueError where the weights are more than there is.
    """
    if any(weights[name] < 0 for name in order) or sum(weights[name] for name in order) > 1 + 1e-9:
        raise ValueError("weights of a family are not negative and add up to at most 1")
    found: dict[str, float] = {}
    carried = 0.0
    for name in order:
        found[name] = weights[name] + carried
        carried = found[name] if name in done else 0.0
    return found
