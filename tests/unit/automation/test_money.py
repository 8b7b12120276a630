"""Money-weighted risk: the share of the accepted stake on wrong answers."""

import numpy as np
import pytest
from tests.unit.automation.at_once import audit_rate, certify_money, weights_of
from tests.unit.automation.simulating import DELTA, TARGET, Share, holds, is_broken

from adjudge.automation.certifying import Licensed, certify
from adjudge.automation.samples import Sample

STAKES = np.array([1.0, 20.0])
FREQUENCIES = np.array([0.9, 0.1])


def risks(money_risk: float) -> np.ndarray:
    """Cheap ones are wrong in 0.2% of the target's money, dear ones make up the rest."""
    cheap = 0.2 * money_risk
    whole = FREQUENCIES @ STAKES * money_risk
    return np.array([cheap, (whole - FREQUENCIES[0] * cheap) / (FREQUENCIES[1] * STAKES[1])])


def drawn(rng: np.random.Generator, audits: int, rates: np.ndarray, money_risk: float, *, weighted: bool) -> Sample:
    """Audits drawn at these rates for the two stakes, errors such that so much of the money lies on them."""
    kinds = (rng.random(audits) < FREQUENCIES[1] * rates[1] / (FREQUENCIES @ rates)).astype(int)
    weights = weights_of(STAKES[kinds], rates[kinds]) if weighted else np.ones(audits)
    wrong = rng.random(audits) < risks(money_risk)[kinds]
    return Sample.columns(rng.random(audits), wrong, rng.random(audits) < 0.8, weights)


def licensed(sample: Sample) -> bool:
    return isinstance(certify_money(sample, target=TARGET, delta=DELTA), Licensed)


def test_a_coin_proportional_to_the_stake_needs_only_the_exact_test():
    rng = np.random.default_rng(1)
    rates = np.array([audit_rate(stake, sure=40) for stake in STAKES])

    boundary = Share.of(licensed(drawn(rng, 3_000, rates, TARGET, weighted=True)) for _ in range(1_000))
    good = Share.of(licensed(drawn(rng, 3_000, rates, TARGET / 2, weighted=True)) for _ in range(200))
    assert holds(boundary, DELTA)
    assert good.value > 0.75


def test_the_plain_risk_certifies_what_loses_money():
    """The wrong way: an equal coin and the unweighted test."""
    rng = np.random.default_rng(2)
    samples = (drawn(rng, 3_000, np.ones(2), TARGET, weighted=False) for _ in range(300))

    assert is_broken(Share.of(isinstance(certify(s, target=TARGET, delta=DELTA), Licensed) for s in samples), DELTA)


def test_other_rates_are_mended_by_weights():
    """Coins capped at the dear ones: their weight is twice that of the cheap; the unweighted test is false."""
    rng = np.random.default_rng(3)
    rates = np.array([audit_rate(stake, sure=2) for stake in STAKES])

    boundary = Share.of(licensed(drawn(rng, 2_000, rates, TARGET, weighted=True)) for _ in range(300))
    good = Share.of(licensed(drawn(rng, 6_000, rates, TARGET / 4, weighted=True)) for _ in range(25))
    ignored = Share.of(licensed(drawn(rng, 3_000, rates, TARGET, weighted=False)) for _ in range(100))
    assert holds(boundary, DELTA)
    assert is_broken(ignored, DELTA)
    assert good.value > 0.6


def test_weights_are_stake_over_rate_over_the_largest():
    assert weights_of(np.array([1.0, 20.0]), np.array([0.1, 1.0])).tolist() == [0.5, 1.0]
    assert weights_of(np.ones(2), np.array([0.1, 0.5])).tolist() == pytest.approx([1.0, 0.2])
    assert weights_of(np.empty(0), np.empty(0)).tolist() == []
    assert [audit_rate(stake, sure=40) for stake in (0, 10, 100)] == [0, 0.25, 1]
