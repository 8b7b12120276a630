"""Thresholds for the demo's plans, chosen on items that are set aside for it.

What an operator without certificates does: cut where the recorded mistakes look rare enough. It is
uncertified automation, set by hand, and every path of the demo says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adjudge_retail.demo.cases import Case

TARGET: Final = 0.02
"""Share of wrong answers among those accepted, on the items set aside."""
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
    """Return the lowest threshold above which mistakes stay at the target; None where there is none.

    `None` among the judged is a question that was not answered: it is deferred.
    """
    for threshold in GRID:
        accepted = [one.is_right for one in judged if one is not None and one.confidence >= threshold]
        if len(accepted) >= LEAST and accepted.count(False) <= TARGET * len(accepted):
            return Cut(threshold, len(accepted) / len(judged))
    return None


def judged_alone(cases: Iterable[Case], decider: str) -> list[Judged | None]:
    """Return what one model would answer."""
    return [_judged(case, case.belief(decider)) for case in cases]


def judged_together(cases: Iterable[Case], first: str, second: str) -> list[Judged | None]:
    """Return what two models answer where they agree: as sure as the less sure of them."""
    return [_agreed(case, case.belief(first), case.belief(second)) for case in cases]


def ranked(cases: Sequence[Case], deciders: Iterable[str]) -> list[str]:
    """Return the deciders, the one that may decide most first."""
    cuts = {decider: cut_for(judged_alone(cases, decider)) for decider in deciders}
    return sorted(cuts, key=lambda decider: (-(cut.coverage if (cut := cuts[decider]) else 0.0), decider))


def _judged(case: Case, belief: dict[str, float]) -> Judged | None:
    if not belief:
        return None
    answer = max(belief, key=lambda label: belief[label])
    return Judged(belief[answer], answer == case.truth)


def _agreed(case: Case, first: dict[str, float], second: dict[str, float]) -> Judged | None:
    one, other = _judged(case, first), _judged(case, second)
    if one is None or other is None or max(first, key=first.__getitem__) != max(second, key=second.__getitem__):
        return None
    return Judged(min(one.confidence, other.confidence), one.is_right)
