"""Scores of now against those at certification, looked at after each."""

import msgspec
import numpy as np
import pytest
from tests.unit.automation.simulating import Share, holds, is_broken

from adjudge.automation.drift import Drift

DELTA = 0.05


def run(rng: np.random.Generator, now: np.ndarray, then: np.ndarray) -> int | None:
    """Return after how many scores drift is found."""
    drift = Drift.begin(then.tolist())
    for read, (score, chance) in enumerate(zip(now.tolist(), rng.random(len(now)).tolist(), strict=True), 1):
        drift = drift.after(score, chance)
        if drift.has_drifted(DELTA):
            return read
    return None


@pytest.mark.parametrize("digits", [1, 6])
def test_scores_that_stay_are_rarely_called_drifting(digits):
    """Ties or not, however often one looks."""
    rng = np.random.default_rng(digits)
    found = [
        run(rng, rng.beta(8, 2, 200).round(digits), rng.beta(8, 2, 500).round(digits)) is not None for _ in range(400)
    ]

    assert holds(Share.of(found), DELTA)


def test_repeating_a_two_sample_test_breaks_the_promise():
    """The wrong way: Kolmogorov and Smirnov's at 5%, after every hundred scores."""
    rng = np.random.default_rng(2)

    assert is_broken(Share.of(at_some_look(rng.random(3_000), rng.random(500)) for _ in range(80)), DELTA)


def at_some_look(now: np.ndarray, then: np.ndarray) -> bool:
    then = np.sort(then)
    for size in range(100, len(now) + 1, 100):
        both = np.concatenate([then, now[:size]])
        shares = [np.searchsorted(np.sort(one), both, side="right") / len(one) for one in (then, now[:size])]
        if np.abs(shares[0] - shares[1]).max() > 1.358 * np.sqrt(1 / len(then) + 1 / size):
            return True
    return False


@pytest.mark.parametrize("now", [(5, 2), (16, 4), (4, 1)], ids=["lower", "narrower", "wider"])
def test_drift_is_found_within_some_hundreds(now):
    rng = np.random.default_rng(3)
    found = [run(rng, rng.beta(*now, 2_500), rng.beta(8, 2, 2_000)) for _ in range(20)]

    print(sorted(one or 10**6 for one in found))
    assert np.median([one or 10**6 for one in found]) < 1_500


def test_the_state_is_json_by_value_and_small():
    rng = np.random.default_rng(4)
    drift = Drift.begin(rng.random(5_000).tolist()).after(0.5, 0.5)
    text = msgspec.json.encode(drift)

    assert msgspec.json.decode(text, type=Drift) == drift
    assert len(text) < 2_000


def test_without_scores_there_is_nothing_to_compare_with():
    for none in ([], [float("nan")]):
        with pytest.raises(ValueError, match="at certification"):
            Drift.begin(none)


def test_evidence_without_end_stays_a_number():
    drift = Drift.begin([0.1, 0.2, 0.3])
    for _ in range(3_000):
        drift = drift.after(0.9, 0.5)

    assert msgspec.json.decode(msgspec.json.encode(drift), type=Drift) == drift
