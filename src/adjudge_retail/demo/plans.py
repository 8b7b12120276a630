"""The plans of the three groups, for one question type: different ways to the same answers.

In each a model may answer alone only under a certificate; there is no threshold in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

POOL: Final = "shelf"
FALLBACK: Final = "safe_side"
PANEL: Final = 4
"""Most people that a plan asks about one question."""
MODEL_TIMEOUT: Final = "2s"

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
class Promise:
    """What a certificate must show: of the answers given without a person, at most so many wrong."""

    target: float
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Draft:
    """A group's plan for a type, and the votes it is expected to buy for each question that people answer."""

    stages: Stages
    model: str | None
    """Who may earn to answer alone."""
    votes: float


def written(seconds: float) -> str:
    """Write a duration as configuration reads it."""
    return f"{seconds:.0f}s" if seconds >= 10 else f"{max(1, round(seconds * 1000))}ms"


def drafts(best: Sequence[str], promise: Promise, times: Times, people: int) -> dict[str, Draft]:
    """Return a plan for each group. `best`: models, the best first; `people`: how many can answer one question."""
    first, second = (best[0], best[min(1, len(best) - 1)]) if best else (None, None)
    return {
        "fresh": _draft(first, promise, *_panel(times, people, together=2)),
        "express": _draft(second, promise, *_one(times)),
        "market": _draft(first, promise, *_panel(times, people, together=1)),
    }


def _draft(model: str | None, promise: Promise, people: Stages, votes: float) -> Draft:
    certified = {"target": promise.target, "confidence": promise.confidence}
    alone = [] if model is None else [{"ask": model, "timeout": MODEL_TIMEOUT, "accept": {"certified": certified}}]
    return Draft([*alone, *people], model, votes)


def _one(times: Times) -> tuple[Stages, float]:
    return [{"ask": POOL, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": times.panel}], 1.0


def _panel(times: Times, people: int, *, together: int) -> tuple[Stages, float]:
    """Two of three, and a fourth person where three disagree; one person where no more can answer."""
    if people < PANEL:
        return _one(times)
    votes = {"min": 2, "max": 3, "together": together}
    panel = {"ask": POOL, "votes": votes, "combine": "majority", "timeout": times.panel}
    return [panel, _referee(times)], 2.1


def _referee(times: Times) -> dict[str, Any]:
    return {"ask": POOL, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": times.referee}
