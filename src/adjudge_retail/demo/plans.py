"""The plans of the three groups, for one question type: different ways to the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from adjudge_retail.demo.cases import Case
from adjudge_retail.demo.thresholds import Cut, cut_for, judged_alone, judged_together, ranked

POOL: Final = "shelf"
FALLBACK: Final = "safe_side"
PANEL: Final = 4
"""Most people that a plan asks about one question."""
MODEL_TIMEOUT: Final = "2s"
SURE_TOGETHER: Final = 0.95

Stages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Times:
    """How long people have. Seconds, after division by the demo's speed."""

    deadline: float
    """It ends every stage that is still open."""

    @property
    def panel(self) -> str:
        return written(self.deadline * 0.9)

    @property
    def referee(self) -> str:
        return written(self.deadline * 0.5)


@dataclass(frozen=True, slots=True)
class Draft:
    """A group's plan for a type, and the votes it is expected to buy for each question."""

    stages: Stages
    expected_votes: float


def written(seconds: float) -> str:
    """Write a duration as configuration reads it."""
    return f"{seconds:.0f}s" if seconds >= 10 else f"{max(1, round(seconds * 1000))}ms"


def drafts(cases: Sequence[Case], deciders: Sequence[str], times: Times, people: int) -> dict[str, Draft]:
    """Return a plan for each group. `cases` are those set aside; `people`: how many can answer one question."""
    best = ranked(cases, deciders)
    return {
        "fresh": _fresh(cases, best, times, people),
        "express": _express(cases, best, times, people),
        "market": _market(cases, best, times, people),
    }


def _fresh(cases: Sequence[Case], best: Sequence[str], times: Times, people: int) -> Draft:
    """The best model, then two of three people, two of them at once."""
    cut = cut_for(judged_alone(cases, best[0])) if best else None
    return _draft([*_by_hand(best[:1], cut)], cut, *_panel(times, people, together=2))


def _express(cases: Sequence[Case], best: Sequence[str], times: Times, people: int) -> Draft:
    """The second best model alone, then both agreeing, then one person."""
    one = [{"ask": POOL, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": times.panel}]
    if len(best) < 2:
        cut = cut_for(judged_alone(cases, best[0])) if best else None
        return _draft(_by_hand(best, cut), cut, one, 1.0)
    cheap = cut_for(judged_alone(cases, best[1]))
    both = cut_for(judged_together(cases, best[1], best[0]))
    stages = [*_by_hand([best[1]], cheap), *_by_hand([best[1], best[0]], both)]
    wider = max((cut for cut in (cheap, both) if cut), key=lambda cut: cut.coverage, default=None)
    return _draft(stages, wider, one, 1.0)


def _market(cases: Sequence[Case], best: Sequence[str], times: Times, people: int) -> Draft:
    """The best model, then one person after the other until all of them together are sure enough."""
    cut = cut_for(judged_alone(cases, best[0])) if best else None
    if not best or people < PANEL:
        return _draft(_by_hand(best[:1], cut), cut, *_panel(times, people, together=1))
    weighed = _by_hand(best[:1], cut) or [_asked(best[:1])]
    together = {
        "ask": POOL,
        "votes": {"min": 1, "max": 3},
        "combine": "bayes",
        "accept": {"by_hand": f"confidence >= {SURE_TOGETHER}"},
        "timeout": times.panel,
    }
    return _draft(weighed, cut, [together, _referee(times)], 1.6)


def _panel(times: Times, people: int, *, together: int) -> tuple[Stages, float]:
    """Two of three, and a fourth person where three disagree; one person where no more can answer."""
    if people < PANEL:
        return [{"ask": POOL, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": times.panel}], 1.0
    votes = {"min": 2, "max": 3, "together": together}
    panel = {"ask": POOL, "votes": votes, "combine": "majority", "timeout": times.panel}
    return [panel, _referee(times)], 2.4


def _referee(times: Times) -> dict[str, Any]:
    return {"ask": POOL, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": times.referee}


def _by_hand(deciders: Sequence[str], cut: Cut | None) -> Stages:
    """Return the stage that accepts at the threshold; none where no threshold is good enough."""
    if not deciders or cut is None:
        return []
    return [{**_asked(deciders), "accept": {"by_hand": f"confidence >= {cut.threshold}"}}]


def _asked(deciders: Sequence[str]) -> dict[str, Any]:
    if len(deciders) == 1:
        return {"ask": deciders[0], "timeout": MODEL_TIMEOUT}
    return {"ask": list(deciders), "combine": "agree", "timeout": MODEL_TIMEOUT}


def _draft(models: Stages, cut: Cut | None, people: Stages, votes: float) -> Draft:
    deferred = 1 - (cut.coverage if cut is not None else 0.0)
    return Draft([*models, *people], deferred * votes)
