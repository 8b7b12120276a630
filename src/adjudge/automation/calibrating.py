"""Fitting a calibrator: which, by log loss on examples held out; and how good it is.

Learnt from calibrate-audits alone, one for each decider version and question type.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.binomial import Floats
from adjudge.core.calibration import LEAST, LEAST_READ, Calibrator, Isotonic, Platt, Temperature, Uncalibrated

FOLDS: Final = 5
FEWEST: Final = 20
"""Examples below which scores are taken as they come."""
BINS: Final = 15
_COLDEST, _HOTTEST = -3.0, 4.0
"""Bounds of the logarithm of a temperature."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_RIDGE: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Distributions of one decider and which answer was right, as columns."""

    logs: Floats
    """Examples × answers: logarithms of probabilities. An answer that was not offered has `log(LEAST_READ)`."""
    right: NDArray[np.int64]
    """Column of the right answer; -1 where the decider did not name it at all."""

    @classmethod
    def of(cls, distributions: Sequence[Mapping[str, float]], truths: Sequence[str]) -> "Examples":
        """Build from values. Raises ValueError for a probability that is none."""
        answers = {answer: i for i, answer in enumerate(sorted({a for one in distributions for a in one}))}
        probabilities = np.zeros((len(distributions), max(len(answers), 1)))
        for row, one in enumerate(distributions):
            for answer, probability in one.items():
                probabilities[row, answers[answer]] = probability
        return cls.columns(probabilities, [answers.get(truth, -1) for truth in truths])

    @classmethod
    def columns(cls, probabilities: NDArray[np.float64], right: Sequence[int] | NDArray[np.int64]) -> "Examples":
        """Build from probabilities, examples × answers, and the right columns."""
        given = np.asarray(probabilities, float)
        if not (np.isfinite(given).all() and (given >= 0).all() and (given <= 1 + 1e-6).all()):
            raise ValueError("a probability is not in 0..1")
        return cls(logs=np.log(np.maximum(given, LEAST_READ)), right=np.asarray(right, np.int64))

    def __len__(self) -> int:
        return len(self.right)

    def where(self, kept: NDArray[np.bool_]) -> "Examples":
        return Examples(logs=self.logs[kept], right=self.right[kept])

    @property
    def best(self) -> NDArray[np.int64]:
        columns: NDArray[np.int64] = np.argmax(self.logs, axis=1)
        return columns

    @property
    def confidences(self) -> Floats:
        """Probability of the best answer, as given."""
        highest: Floats = np.exp(np.max(self.logs, axis=1))
        return highest

    @property
    def hits(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.best == self.right
        return right


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A bin of the reliability curve."""

    confidence: float
    accuracy: float
    examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted calibrator and why it was chosen."""

    calibrator: Calibrator
    log_losses: Mapping[str, float]
    """Of each kind on examples held out, in nats."""
    error: float
    """Adaptive expected calibration error, on examples held out."""
    curve: tuple[Bin, ...]
    """On examples held out."""
    examples: int


Fit: TypeAlias = Callable[[Examples], Calibrator]


def fit(examples: Examples) -> Calibration:
    """Return the calibrator with the least log loss on examples held out in turn, fitted on all.

    Ties go to the simpler. With fewer than `FEWEST` examples: the scores as they come.
    """
    kinds = _FITS if len(examples) >= FEWEST else {"none": _FITS["none"]}
    held_out = {kind: _held_out(examples, fitted) for kind, fitted in kinds.items()}
    losses = {kind: _log_loss(found, examples) for kind, found in held_out.items()}
    kind = min(losses, key=lambda name: losses[name])
    confidences = _confidences(held_out[kind])
    return Calibration(
        calibrator=kinds[kind](examples),
        log_losses=losses,
        error=adaptive_error(confidences, examples.hits),
        curve=reliability(confidences, examples.hits),
        examples=len(examples),
    )


def calibrated(calibrator: Calibrator, examples: Examples) -> Floats:
    """Return the calibrated probabilities, examples × answers: what `apply` says of each, all at once."""
    if isinstance(calibrator, Uncalibrated):
        given: Floats = np.exp(examples.logs)
        return given
    if isinstance(calibrator, Temperature):
        return _softmax(examples.logs / calibrator.temperature)
    probabilities, best = np.exp(examples.logs), examples.best[:, None]
    new = curve_of(calibrator, examples.confidences)[:, None]
    others = probabilities.sum(axis=1, keepdims=True) - np.take_along_axis(probabilities, best, axis=1)
    spread = probabilities * np.where(others > 0, (1 - new) / np.maximum(others, 1e-300), 0.0)
    np.put_along_axis(spread, best, new, axis=1)
    return spread


def curve_of(calibrator: Platt | Isotonic, confidences: Floats) -> Floats:
    """Return what `confidence` says of each, all at once."""
    if isinstance(calibrator, Platt):
        curve = 1 / (1 + np.exp(-(calibrator.slope * _logit(confidences) + calibrator.intercept)))
    else:
        curve = np.interp(confidences, calibrator.scores, calibrator.values)
    return np.clip(curve, LEAST, 1 - LEAST)


def reliability(confidences: Floats, hits: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Return the curve in bins of equal numbers of examples (Nixon et al. 2019)."""
    order = np.argsort(confidences, kind="stable")
    parts = [part for part in np.array_split(order, min(BINS, max(len(order), 1))) if len(part)]
    return tuple(
        Bin(confidence=float(np.mean(confidences[part])), accuracy=float(np.mean(hits[part])), examples=len(part))
        for part in parts
    )


def adaptive_error(confidences: Floats, hits: NDArray[np.bool_]) -> float:
    """Return the mean distance of confidence and accuracy over such bins."""
    curve = reliability(confidences, hits)
    total = sum(part.examples for part in curve)
    return sum(part.examples * abs(part.confidence - part.accuracy) for part in curve) / total if total else 0.0


def _held_out(examples: Examples, fitted: Fit) -> Floats:
    """Return the probabilities that each example gets from a calibrator that has not seen it."""
    if len(examples) < FEWEST:
        return calibrated(fitted(examples), examples)
    found = np.empty_like(examples.logs)
    turn = np.arange(len(examples)) % FOLDS
    for fold in range(FOLDS):
        found[turn == fold] = calibrated(fitted(examples.where(turn != fold)), examples.where(turn == fold))
    return found


def _log_loss(probabilities: Floats, examples: Examples) -> float:
    """Return the mean log loss; where the right answer was not named at all, that of "another than the best"."""
    if not len(examples):
        return 0.0
    named = examples.right >= 0
    right = np.where(
        named,
        probabilities[np.arange(len(examples)), np.maximum(examples.right, 0)],
        1 - _confidences(probabilities),
    )
    return float(-np.mean(np.log(np.maximum(right, LEAST))))


def _confidences(probabilities: Floats) -> Floats:
    highest: Floats = np.max(probabilities, axis=1)
    return highest


def _uncalibrated(examples: Examples) -> Uncalibrated:
    return Uncalibrated()


def _temperature(examples: Examples) -> Temperature:
    """Return the temperature of least log loss with one miss added, by golden section over its logarithm."""

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(examples.logs / math.exp(log_temperature))
        miss = -np.log(np.maximum(1 - _confidences(probabilities), LEAST_READ)).mean()
        return _log_loss(probabilities, examples) + float(miss) / (len(examples) + 2)

    low, high = _COLDEST, _HOTTEST
    while high - low > 1e-3:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return Temperature(round(math.exp((low + high) / 2), 6))


def _platt(examples: Examples) -> Platt:
    """Return slope and intercept by Newton's method on smoothed targets (Platt 1999; Lin et al. 2007)."""
    x, hits = _logit(examples.confidences), examples.hits
    positive = float(hits.sum())
    y = np.where(hits, (positive + 1) / (positive + 2), 1 / (len(hits) - positive + 2))
    slope, intercept = 1.0, 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(slope * x + intercept, -40, 40)))
        weight, gap = p * (1 - p), p - y
        gradient = np.array([gap @ x + _RIDGE * (slope - 1), gap.sum() + _RIDGE * intercept])
        hessian = np.array([[weight @ (x * x) + _RIDGE, weight @ x], [weight @ x, weight.sum() + _RIDGE]])
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 5 / max(1e-12, float(np.abs(step).max())))
        slope, intercept = slope - float(step[0]), intercept - float(step[1])
        if np.abs(step).max() < 1e-8:
            break
    return Platt(round(max(slope, 1e-3), 9), round(intercept, 9))


def _isotonic(examples: Examples) -> Isotonic:
    """Return the rising curve through the centres of pooled blocks, each with one hit and one miss added."""
    order = np.argsort(examples.confidences, kind="stable")
    blocks: list[tuple[float, float, float]] = []  # weight, sum of scores, sum of hits
    for score, hit in zip(examples.confidences[order].tolist(), examples.hits[order].tolist(), strict=True):
        block = (1.0, score, float(hit))
        while blocks and blocks[-1][2] * block[0] >= block[2] * blocks[-1][0]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    knots = [(scores / weight, (right + 1) / (weight + 2)) for weight, scores, right in blocks]
    return _through([(0.0, knots[0][1] / 2), *knots, (1.0, (1 + knots[-1][1]) / 2)])


def _through(knots: Sequence[tuple[float, float]]) -> Isotonic:
    """Keep the curve rising and each score once; values that the smoothing turned round are levelled."""
    scores: list[float] = []
    values: list[float] = []
    for score, value in knots:
        if scores and score <= scores[-1]:
            values[-1] = max(values[-1], value)
        else:
            scores.append(score)
            values.append(max(value, values[-1]) if values else value)
    return Isotonic(tuple(scores), tuple(values))


def _softmax(logs: Floats) -> Floats:
    powers: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _logit(probabilities: Floats) -> Floats:
    p = np.clip(probabilities, LEAST_READ, 1 - LEAST_READ)
    logits: Floats = np.log(p) - np.log1p(-p)
    return logits


_FITS: Final[Mapping[str, Fit]] = {
    "none": _uncalibrated,
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
}
"""From simple to rich."""
