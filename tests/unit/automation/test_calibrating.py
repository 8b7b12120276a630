"""Calibrators: chosen by what they say of examples held out, the same in columns and one by one."""

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.automation.calibrating import Examples, adaptive_error, calibrated, fit
from adjudge.core.calibration import Calibrator, Isotonic, Platt, Temperature, Uncalibrated

CURVE = Isotonic((0.0, 0.4, 0.8, 1.0), (0.05, 0.3, 0.9, 0.99))
CALIBRATORS = [Uncalibrated(), Temperature(2.5), Platt(0.7, -0.4), CURVE]


def drawn(rng: np.random.Generator, size: int, sharpness: float = 1.0, answers: int = 4) -> Examples:
    """Truths drawn from the distributions, which are then sharpened: an over-confident decider."""
    logs = rng.normal(0, 2, (size, answers))
    honest = softmax(logs)
    right = (honest.cumsum(axis=1) > rng.random((size, 1))).argmax(axis=1)
    return Examples.columns(softmax(logs * sharpness), right)


def softmax(logs: np.ndarray) -> np.ndarray:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_an_over_confident_decider_gets_its_temperature():
    calibration = fit(drawn(np.random.default_rng(1), 4_000, sharpness=2.0))

    assert isinstance(calibration.calibrator, Temperature)
    assert calibration.calibrator.temperature == pytest.approx(2.0, rel=0.1)
    assert calibration.log_losses["temperature"] < calibration.log_losses["none"]
    assert calibration.error < 0.02


def test_an_honest_decider_is_left_nearly_as_it_is():
    calibration = fit(drawn(np.random.default_rng(2), 4_000))

    assert abs(calibration.log_losses["none"] - min(calibration.log_losses.values())) < 0.003


def test_confidence_that_is_crooked_gets_a_curve():
    """All between 0.5 and 0.9 is right in 60%: no logistic curve says that."""
    rng = np.random.default_rng(3)
    top = rng.uniform(0.4, 1.0, 6_000)
    hits = rng.random(6_000) < np.where(top < 0.5, 0.2, np.where(top < 0.9, 0.6, 0.98))
    calibration = fit(Examples.columns(np.stack([top, 1 - top], axis=1)[:, :1], np.where(hits, 0, -1)))

    assert isinstance(calibration.calibrator, Isotonic | Platt)
    assert calibration.error < 0.1


def test_calibrating_lowers_the_error_of_calibration():
    examples = drawn(np.random.default_rng(4), 3_000, sharpness=2.5)

    before = adaptive_error(examples.confidences, examples.hits)
    assert fit(examples).error < before / 3
    assert sum(part.examples for part in fit(examples).curve) == 3_000


def test_too_few_examples_leave_scores_as_they_come():
    calibration = fit(drawn(np.random.default_rng(5), 19, sharpness=3.0))

    assert calibration.calibrator == Uncalibrated()
    assert fit(Examples.of([], [])).calibrator == Uncalibrated()


def test_one_class_only_is_calibrated_without_a_word_of_certainty():
    """All right: the confidence rises, and stays below 1."""
    calibration = fit(Examples.of([{"a": 0.7, "b": 0.3}, {"a": 0.9, "b": 0.1}] * 30, ["a"] * 60))

    assert 0 < calibration.calibrator.confidence(0.9) < 1


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.5, math.inf])
def test_probabilities_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match=r"not in 0\.\.1"):
        Examples.of([{"a": bad}], ["a"])


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda one: type(one).__name__)
def test_columns_and_single_distributions_agree(calibrator):
    """The worker applies it without numpy, backtest in columns: one rule."""
    rows = softmax(np.random.default_rng(6).normal(0, 3, (50, 3)))
    columns = calibrated(calibrator, Examples.columns(rows, [0] * 50))

    for row, found in zip(rows, columns, strict=True):
        assert list(calibrator.apply(dict(zip("abc", row.tolist(), strict=True))).values()) == pytest.approx(found)


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda one: type(one).__name__)
def test_a_calibrator_is_json_by_value(calibrator):
    assert msgspec.json.decode(msgspec.json.encode(calibrator), type=Calibrator) == calibrator


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda one: type(one).__name__)
@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_calibrated_confidence_is_a_probability_and_keeps_the_order(calibrator, scores):
    found = [calibrator.confidence(score) for score in sorted(scores)]

    assert all(0 <= value <= 1 for value in found)
    assert all(low <= high + 1e-12 for low, high in pairwise(found))


@pytest.mark.parametrize("calibrator", CALIBRATORS[1:], ids=lambda one: type(one).__name__)
@given(weights=st.lists(st.floats(0.001, 1), min_size=2, max_size=6))
def test_a_distribution_stays_one(calibrator, weights):
    total = sum(weights)
    given_one = {f"answer {i}": weight / total for i, weight in enumerate(weights)}

    assert sum(calibrator.apply(given_one).values()) == pytest.approx(1)


def test_nothing_to_apply_to_is_nothing():
    assert [calibrator.apply({}) for calibrator in CALIBRATORS] == [{}] * 4
    assert Platt(1, 0).apply({"a": 0.8}) == {"a": pytest.approx(0.8)}
