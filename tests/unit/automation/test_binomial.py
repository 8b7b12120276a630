"""Exact tails, held against sums of fractions."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from adjudge.automation.binomial import audits_needed, chances_to_pass, divergence, sign_test, tail, tails, upper_bound


def exact(errors: int, audits: int, rate: Fraction) -> float:
    return float(sum(comb(audits, k) * rate**k * (1 - rate) ** (audits - k) for k in range(errors + 1)))


@pytest.mark.parametrize(
    "rate", [Fraction(1, 1000), Fraction(1, 100), Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)]
)
@pytest.mark.parametrize("audits", [1, 2, 7, 100, 388])
def test_a_tail_is_that_of_the_sum_of_fractions(audits, rate):
    errors = sorted({0, 1, 2, audits // 10, audits // 3, audits - 1, audits})
    found = [tail(k, audits, float(rate)) for k in errors]

    assert found == pytest.approx(
        [exact(k, audits, rate) if k <= audits else 1.0 for k in errors], rel=1e-9, abs=1e-300
    )


def test_tails_at_their_edges():
    assert [tail(-1, 5, 0.1), tail(0, 0, 0.1), tail(3, 3, 0.1)] == [0, 1, 1]
    assert [tail(2, 5, 0.0), tail(2, 5, 1.0)] == [1, 0]


def test_a_tail_of_a_million_audits_is_monotone_and_sane():
    found = tails(np.arange(9_500, 10_501, 50), np.full(21, 1_000_000), 0.01)

    assert (np.diff(found) > 0).all()
    assert found[10] == pytest.approx(0.5027, abs=2e-3)


def test_one_error_passes_at_one_percent_from_388_audits_on():
    """The bounds and counts that the pages name."""
    assert audits_needed(1, 0.01, 0.1) == 388
    assert audits_needed(0, 0.01, 0.1) == 230


@pytest.mark.parametrize(("errors", "audits"), [(0, 1), (0, 300), (1, 388), (7, 1000), (40, 41)])
def test_a_bound_is_the_rate_at_which_the_tail_is_delta(errors, audits):
    assert tail(errors, audits, upper_bound(errors, audits, 0.1)) == pytest.approx(0.1, rel=1e-6)
    assert upper_bound(errors, audits, 0.1) > errors / audits


def test_bounds_without_evidence_say_nothing():
    assert upper_bound(0, 0, 0.1) == 1
    assert upper_bound(5, 5, 0.1) == 1


def test_the_sign_test_counts_only_audits_on_which_they_differ():
    assert sign_test(for_model=10, against=2) == pytest.approx(exact(2, 12, Fraction(1, 2)))
    assert sign_test(for_model=0, against=0) == 1


def test_divergence_gives_the_best_delays():
    """At a target of 1% and 0.1, doubling 588 audited automated decisions, ×3 175, ×5 56, ×10 16."""
    delays = [round(np.log(10) / divergence(factor / 100, 0.01)) for factor in (2, 3, 5, 10)]

    assert delays == [588, 175, 56, 16]


def test_the_chance_to_pass_is_how_often_tests_pass_where_the_rate_is_drawn_from_what_is_known():
    """Errors known, audits known, audits to come; of none to come, or too few to pass without an error, none."""
    known = [(0, 100, 400), (1, 200, 800), (5, 300, 1200), (0, 10, 40), (0, 0, 0)]
    errors, audits, judged = (np.array(column) for column in zip(*known, strict=True))
    chance = np.random.default_rng(1)

    found = chances_to_pass(errors.astype(float), audits.astype(float), judged, 0.02, 0.1)

    for wrong, of, more, passing in zip(errors, audits, judged, found, strict=True):
        seen = chance.binomial(more, chance.beta(wrong + 0.5, of - wrong + 0.5, 20_000))
        assert passing == pytest.approx(np.mean(tails(seen, np.full(20_000, more), 0.02) <= 0.1), abs=0.015)
    assert found[3:].tolist() == [0, 0]
