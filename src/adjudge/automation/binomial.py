"""Exact binomial tails, and what follows from them: p-values, upper bounds, the sign test.

P(Bin(n, p) <= k) is the regularised incomplete beta function I(1-p; n-k, k+1), here by its continued
fraction (Numerical Recipes 6.4); relative error below 1e-9 up to a million audits.
"""

import math
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

_MOST_TERMS: Final = 20_000
_TINY: Final = 1e-300
_PRECISION: Final = 1e-14
_BISECTIONS: Final = 40
_MOST_AUDITS: Final = 10**9


@lru_cache(maxsize=65_536)
def tail(errors: int, audits: int, rate: float) -> float:
    """Return P(Bin(audits, rate) <= errors): the p-value against "the risk is at least `rate`". No audits: 1."""
    if errors < 0 or errors >= audits or rate <= 0:
        return float(errors >= 0)
    if rate >= 1:
        return 0.0
    return _incomplete_beta(audits - errors, errors + 1, rate)


def tails(errors: Integers, audits: Integers, rate: float) -> Floats:
    """Return the tail of each pair."""
    return np.array([tail(*pair, rate) for pair in zip(errors.tolist(), audits.tolist(), strict=True)])


def upper_bound(errors: int, audits: int, delta: float) -> float:
    """Return the exact upper bound of a rate (Clopper and Pearson 1934), wrong with probability at most `delta`."""
    if audits <= 0 or errors >= audits:
        return 1.0
    low, high = errors / audits, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(errors, audits, middle) > delta else (low, middle)
    return high


def beta_quantile(right: float, wrong: float, share: float) -> float:
    """Return below what a rate lies with probability `share`, where Beta(right, wrong) is known of it."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _incomplete_beta(right, wrong, 1 - middle) < share else (low, middle)
    return high


def sign_test(*, for_model: int, against: int) -> float:
    """Return P(Bin(b + c, 1/2) <= b), with b of the audits on which the two differ `against` the model, c for it."""
    return tail(against, against + for_model, 0.5)


@lru_cache(maxsize=4096)
def audits_needed(errors: int, rate: float, delta: float) -> int:
    """Return the fewest audits at which so many errors still show "less than `rate`" at `delta`."""
    if not 0 < rate < 1:
        return _MOST_AUDITS
    low, high = errors, errors + 1
    while tail(errors, high, rate) > delta:
        low, high = high, 2 * high
        if high >= _MOST_AUDITS:
            return _MOST_AUDITS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tail(errors, middle, rate) > delta else (low, middle)
    return high


def chances_to_pass(errors: Floats, audits: Floats, judged: Integers, rate: float, delta: float) -> Floats:
    """Return how likely each of some tests is to show "less than `rate`" at `delta`, on `judged` audits to come.

    So many `errors` among `audits` are known of each (parts of one where an audit was asked again and again). The
    errors to come are then beta-binomial, from Jeffreys' prior: of few audits without an error nothing is sure.
    """
    most = int(judged.max(initial=0))
    needed = [audits_needed(0, rate, delta)]
    while needed[-1] <= most:
        needed.append(audits_needed(len(needed), rate, delta))
    allowed = np.searchsorted(needed, judged, side="right") - 1
    a, b = errors + 0.5, audits - errors + 0.5
    counted = zip(a.tolist(), b.tolist(), judged.tolist(), strict=True)
    term = np.array([math.exp(_log_beta(of, to + more) - _log_beta(of, to)) for of, to, more in counted])
    found = np.where(allowed >= 0, term, 0.0)
    for wrong in range(int(allowed.max(initial=0))):
        term = (
            term * np.maximum(judged - wrong, 0) / (wrong + 1) * (a + wrong) / np.maximum(b + judged - wrong - 1, 0.5)
        )
        found += np.where(wrong < allowed, term, 0.0)
    return found


def divergence(seen: float, claimed: float) -> float:
    """Return the Kullback-Leibler divergence of two rates in nats: evidence gained with each audit."""
    return sum(p * math.log(p / q) for p, q in ((seen, claimed), (1 - seen, 1 - claimed)) if p > 0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _incomplete_beta(a: float, b: float, p: float) -> float:
    """Return I(1-p; a, b), by the side on which the fraction converges."""
    if 1 - p < (a + 1) / (a + b + 2):
        return min(1.0, _smaller_side(a, b, 1 - p, math.log1p(-p), math.log(p)))
    return max(0.0, 1 - _smaller_side(b, a, p, math.log(p), math.log1p(-p)))


def _smaller_side(a: float, b: float, x: float, log_x: float, log_rest: float) -> float:
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * log_x + b * log_rest - math.log(a)
    return math.exp(front) * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method: terms are kept away from 0 on the spot, as it runs hot."""
    tiny = _TINY
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if d > tiny or d < -tiny else tiny)
    value = d
    for m in range(1, _MOST_TERMS):
        twice = a + 2 * m
        even = m * (b - m) * x / ((twice - 1) * twice)
        d, c = 1 + even * d, 1 + even / c
        d, c = 1 / (d if d > tiny or d < -tiny else tiny), c if c > tiny or c < -tiny else tiny
        value *= c * d
        odd = -(a + m) * (a + b + m) * x / (twice * (twice + 1))
        d, c = 1 + odd * d, 1 + odd / c
        d, c = 1 / (d if d > tiny or d < -tiny else tiny), c if c > tiny or c < -tiny else tiny
        change = c * d
        value *= change
        if -_PRECISION < change - 1 < _PRECISION:
            break
    return value
