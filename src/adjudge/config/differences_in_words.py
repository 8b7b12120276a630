"""Differences in words: `plans.claims.stages[0].accept.by_hand: … -> … at 12 locations, 1,200 decisions a day`."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from adjudge.config.differing import ChangedLeaf, ChangedPlan, Difference, EndingCertificates
from adjudge.core.answers import Json
from adjudge.core.counting import counted

MOST_NAMED: Final = 3
"""Locations that are named; of more, their number is told."""
LONGEST_VALUE: Final = 60


def difference_in_words(difference: Difference) -> list[str]:
    """Return a line for each thing that differs, and one that sums up."""
    if not difference:
        return ["nothing differs in effect"]
    return [
        *_locations(difference),
        *map(_leaf, difference.leaves),
        *map(_plan, difference.plans),
        *map(_ending_certificates, difference.certificates_ending),
        _sum(difference),
    ]


def _locations(difference: Difference) -> Iterator[str]:
    if difference.locations_added:
        yield f"new: {_named(difference.locations_added)}"
    if difference.locations_removed:
        yield f"gone: {_named(difference.locations_removed)}"


def _leaf(leaf: ChangedLeaf) -> str:
    change = f"{leaf.path}: {_value(leaf.before)} -> {_value(leaf.after)}"
    place = f"{leaf.layer}, {leaf.file}:{leaf.line}" if leaf.file else leaf.layer
    return f"{change} ({place}) at {_named(leaf.locations)}{_decisions(leaf.decisions_a_day)}"


def _plan(plan: ChangedPlan) -> str:
    before, after = (" or ".join(plans) or "none" for plans in (plan.before, plan.after))
    where = _named(plan.locations)
    return f"plan of {plan.type}: {before} -> {after} at {where}{_decisions(plan.decisions_a_day)}"


def _ending_certificates(ending: EndingCertificates) -> str:
    who, where = " and ".join(ending.deciders), _named(ending.locations)
    return f"certificates end: of {who} for {ending.type}, plan {ending.plan}, at {where}"


def _sum(difference: Difference) -> str:
    leaves, plans = len(difference.leaves), len(difference.plans)
    touched, of_all = difference.decisions_a_day, difference.all_decisions_a_day
    changed = f"{counted(leaves, 'value')}, {counted(plans, 'plan')}"
    if touched is None or of_all is None:
        return changed
    return f"{changed}; touches {_a_day(touched)} of {_a_day(of_all)} decisions a day"


def _named(locations: Sequence[str]) -> str:
    if len(locations) <= MOST_NAMED:
        return ", ".join(locations)
    return f"{len(locations)} locations ({', '.join(locations[:MOST_NAMED])}, …)"


def _value(value: Json) -> str:
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _decisions(number: float | None) -> str:
    if number is None:
        return ""
    return f", {_a_day(number)} {'decision' if number == 1 else 'decisions'} a day"


def _a_day(number: float) -> str:
    """Few are told to a tenth, or what has just begun to be asked would be told as nothing."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{max(number, 0.1):.1f}"
