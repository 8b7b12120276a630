"""Which model a plan asks: ranked on items that are set aside for it, by how much each could answer well.

A look at recorded scores, as before any purchase. No threshold in it ever accepts an answer: those are earned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adjudge_retail.demo.cases import Case

RARE: Final = 0.02
"""Share of wrong answers among those that would be accepted."""
LEAST: Final = 30
"""Accepted items that a threshold must rest on."""
GRID: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class Judged:
    """A model's answer to a case whose truth is known."""

    confidence: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold, and the share of questions that it accepts."""

    threshold: float
    coverage: float


def cut_for(judged: Sequence[Judged | None]) -> Cut | None:
    """Return the lowest threshold above which mistakes are this rare; None where there is none.

    `None` among the judged is a question that was not answered: it is deferred.
    """
    for threshold in GRID:
        accepted = [one.is_right for one in judged if one is not None and one.confidence >= threshold]
        if len(accepted) >= LEAST and accepted.count(False) <= RARE * len(accepted):
            return Cut(threshold, len(accepted) / len(judged))
    return None


def judged_alone(cases: Iterable[Case], decider: str) -> list[Judged | None]:
    """Return what one model would answer."""
    return [_judged(case, case.belief(decider)) for case in cases]


def ranked(cases: Sequence[Case], deciders: Iterable[str]) -> list[str]:
    """Return the deciders, the one that may decide most first."""
    cuts = {decider: cut_for(judged_alone(cases, decider)) for decider in deciders}
    return sorted(cuts, key=lambda decider: (-(cut.coverage if (cut := cuts[decider]) else 0.0), decider))


def _judged(case: Case, belief: dict[str, float]) -> Judged | None:
    if not belief:
        return None
    answer = max(belief, key=lambda label: belief[label])
    return Judged(belief[answer], answer == case.truth)
