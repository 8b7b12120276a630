"""Simulated reviewers: how long a person takes, how often they err, and into which answer.

The figures are assumptions about checkout-free stores, not measurements: a vote is wrong with
probability `base - 0.005 + 0.10 x (1 - p)`, p being the model's highest probability (what is hard for
the model is hard for people), times the person's skill (Gamma, mean 1, shape 4). A wrong vote falls
on the model's wrong answer three times as often as on any other. Seconds are lognormal.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WORST_ERROR: Final = 0.75
LURE: Final = 3.0
"""How much likelier the model's wrong answer is than another wrong one."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """What makes a question easy or hard to a person."""

    truth: str
    answers: Sequence[str]
    belief: Mapping[str, float]
    """The model's; empty where none was asked."""

    @property
    def sureness(self) -> float:
        return max(self.belief.values(), default=1.0)

    @property
    def wrong(self) -> list[str]:
        return [answer for answer in self.answers if answer != self.truth]


@dataclass(frozen=True, slots=True)
class Effort:
    """What a question of a type asks of a person."""

    median_seconds: float
    sigma: float
    error: float
    """Of one vote, on the questions that people are asked."""

    @property
    def mean_seconds(self) -> float:
        return self.median_seconds * math.exp(self.sigma**2 / 2)


IDENTIFY: Final = Effort(9.0, 0.6, 0.02)
CONFIRM: Final = Effort(6.0, 0.6, 0.02)
"""Two answers instead of five: quicker, no surer."""


def draw_skill(rng: random.Random) -> float:
    """Return by how much a person's errors differ from the mean person's: 1 is usual, less is better."""
    return rng.gammavariate(4, 1 / 4)


def draw_seconds(effort: Effort, rng: random.Random) -> float:
    """Return the seconds that a person works on a question."""
    return rng.lognormvariate(math.log(effort.median_seconds), effort.sigma)


def error_probability(effort: Effort, sureness: float, skill: float) -> float:
    """Return the probability that a vote is wrong; `sureness` is the model's highest probability."""
    return min(WORST_ERROR, (effort.error - 0.005 + 0.10 * (1 - sureness)) * skill)


def draw_answer(puzzle: Puzzle, effort: Effort, skill: float, rng: random.Random) -> str:
    """Return a person's answer."""
    wrong, belief = puzzle.wrong, puzzle.belief
    if not wrong or rng.random() >= error_probability(effort, puzzle.sureness, skill):
        return puzzle.truth
    lure = max(wrong, key=lambda answer: belief.get(answer, 0.0)) if belief else None
    return rng.choices(wrong, [LURE if answer == lure else 1.0 for answer in wrong])[0]
