"""What a decider's confidence means: a calibrator's value and its use.

Fitted elsewhere (`automation.calibrating`), published in numbered snapshots, used in workers: so it is
plain numbers, read and written by value, and applied without numpy. All but `Temperature` change the
probability of the best answer and share out the rest as it was.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

LEAST: Final = 1e-9
"""No calibrated probability is nearer to 0 or 1: nothing learnt from a finite sample is certain."""
MOST: Final = 1 - LEAST
LEAST_READ: Final = 1e-15
"""Smallest probability that is distinguished from 0. It is very small, because scores below it count as equal."""


class Uncalibrated(msgspec.Struct, frozen=True, tag="none", tag_field="kind"):
    """The scores as they come."""

    def confidence(self, probability: float) -> float:
        return probability

    def apply(self, distribution: Mapping[str, float]) -> dict[str, float]:
        return dict(distribution)


class Temperature(msgspec.Struct, frozen=True, tag="temperature", tag_field="kind"):
    """All logits divided by one number (Guo et al. 2017)."""

    temperature: float

    def confidence(self, probability: float) -> float:
        """Return the calibrated confidence of an answer of which only its own probability is known."""
        return _within(_sigmoid(_logit(probability) / self.temperature))

    def apply(self, distribution: Mapping[str, float]) -> dict[str, float]:
        logs = {answer: math.log(max(p, LEAST_READ)) / self.temperature for answer, p in distribution.items()}
        largest = max(logs.values(), default=0.0)
        powers = {answer: math.exp(log - largest) for answer, log in logs.items()}
        total = sum(powers.values())
        return {answer: power / total for answer, power in powers.items()}


class Platt(msgspec.Struct, frozen=True, tag="platt", tag_field="kind"):
    """A logistic curve over the logit of the best answer (Platt 1999)."""

    slope: float
    intercept: float

    def confidence(self, probability: float) -> float:
        return _within(_sigmoid(self.slope * _logit(probability) + self.intercept))

    def apply(self, distribution: Mapping[str, float]) -> dict[str, float]:
        return _with_best(distribution, self)


class Isotonic(msgspec.Struct, frozen=True, tag="isotonic", tag_field="kind"):
    """A rising curve through knots (Zadrozny and Elkan 2002), straight between them."""

    scores: tuple[float, ...]
    """Rising, from 0 to 1."""
    values: tuple[float, ...]

    def confidence(self, probability: float) -> float:
        right = bisect_right(self.scores, probability, 1, len(self.scores) - 1)
        low, high = self.scores[right - 1], self.scores[right]
        within = low if probability < low else min(probability, high)
        share = (within - low) / (high - low)
        return _within(self.values[right - 1] + share * (self.values[right] - self.values[right - 1]))

    def apply(self, distribution: Mapping[str, float]) -> dict[str, float]:
        return _with_best(distribution, self)


Calibrator: TypeAlias = Uncalibrated | Temperature | Platt | Isotonic


def _with_best(distribution: Mapping[str, float], calibrator: Platt | Isotonic) -> dict[str, float]:
    """Give the best answer its calibrated probability; the others share the rest in their old proportions."""
    if not distribution:
        return {}
    best = max(distribution, key=lambda answer: distribution[answer])
    confidence = calibrator.confidence(distribution[best])
    others = sum(p for answer, p in distribution.items() if answer != best)
    if others <= 0:
        return {answer: confidence if answer == best else 0.0 for answer in distribution}
    rest = (1 - confidence) / others
    return {answer: confidence if answer == best else p * rest for answer, p in distribution.items()}


def _logit(probability: float) -> float:
    p = min(max(probability, LEAST_READ), 1 - LEAST_READ)
    return math.log(p / (1 - p))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _within(probability: float) -> float:
    return LEAST if probability < LEAST else min(probability, MOST)
