"""Exact binomial tails, and what follows from them: p-values, upper bounds, the sign test.

P(Bin(n, p) <= k) is the regularised incomplete beta function I(1-p; n-k, k+1), here by its continued
fraction (Numerical Recipes 6.4) for whole arrays; relative error below 1e-10.
"""

import math
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

_MOST_TERMS: Final = 20_000
_TINY: Final = 1e-300
_BISECTIONS: Final = 60
_MOST_AUDITS: Final = 10**9


def tail(errors: ArrayLike, audits: ArrayLike, rate: ArrayLike) -> Floats:
    """Return P(Bin(audits, rate) <= errors): the p-value against "the risk is at least `rate`". No audits: 1."""
    k, n, p = np.broadcast_arrays(np.asarray(errors, float), np.asarray(audits, float), np.asarray(rate, float))
    found = np.where(k < 0, 0.0, 1.0)
    inner = (k >= 0) & (k < n) & (p > 0)
    found[inner & (p >= 1)] = 0.0
    inner &= p < 1
    if inner.any():
        found[inner] = _incomplete_beta(n[inner] - k[inner], k[inner] + 1, p[inner])
    return found


def tail_of_one(errors: int, audits: int, rate: float) -> float:
    """Return the same for one test."""
    return float(tail(errors, audits, rate))


def upper_bound(errors: int, audits: int, delta: float) -> float:
    """Return the exact upper bound of a rate (Clopper and Pearson 1934), wrong with probability at most `delta`."""
    if audits <= 0 or errors >= audits:
        return 1.0
    low, high = errors / audits, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail_of_one(errors, audits, middle) > delta else (low, middle)
    return high


def lower_bound(errors: int, audits: int, delta: float) -> float:
    """Return the exact lower bound of a rate."""
    return 1.0 - upper_bound(audits - errors, audits, delta) if errors > 0 else 0.0


def sign_test(for_model: ArrayLike, against: ArrayLike) -> Floats:
    """Return P(Bin(b+c, 1/2) <= b): b audits `against` the model, c `for_model`; small where people lose more."""
    b, c = np.asarray(against), np.asarray(for_model)
    return tail(b, b + c, 0.5)


@lru_cache(maxsize=4096)
def audits_needed(errors: int, rate: float, delta: float) -> int:
    """Return the fewest audits at which so many errors still show "less than `rate`" at `delta`."""
    if not 0 < rate < 1:
        return _MOST_AUDITS
    low, high = errors, errors + 1
    while tail_of_one(errors, high, rate) > delta:
        low, high = high, 2 * high
        if high >= _MOST_AUDITS:
            return _MOST_AUDITS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tail_of_one(errors, middle, rate) > delta else (low, middle)
    return high


def divergence(seen: float, claimed: float) -> float:
    """Return the Kullback-Leibler divergence of two rates in nats: evidence gained with each audit."""
    return sum(p * math.log(p / q) for p, q in ((seen, claimed), (1 - seen, 1 - claimed)) if p > 0)


def _incomplete_beta(a: Floats, b: Floats, p: Floats) -> Floats:
    """Return I(1-p; a, b) by the side on which the fraction converges."""
    swap = 1 - p >= (a + 1) / (a + b + 2)
    first, second = np.where(swap, b, a), np.where(swap, a, b)
    x = np.where(swap, p, 1 - p)
    log_x, log_rest = np.where(swap, np.log(p), np.log1p(-p)), np.where(swap, np.log1p(-p), np.log(p))
    front = np.exp(
        _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + first * log_x + second * log_rest - np.log(first)
    )
    small = np.clip(front * _fraction(first, second, x), 0.0, 1.0)
    value: Floats = np.where(swap, 1 - small, small)
    return value


def _fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """Evaluate the continued fraction by Lentz's method."""
    c = np.ones_like(x)
    d = 1 / _away(1 - (a + b) * x / (a + 1))
    value = d.copy()
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            step = c * d
            value *= step
        if np.all(np.abs(step - 1) < 1e-14):
            break
    return value


def _away(x: Floats) -> Floats:
    return np.where(np.abs(x) < _TINY, _TINY, x)


def _log_gamma(x: Any) -> Floats:
    """Return ln Γ(x), x > 0: Stirling's series beyond 10, below by recurrence."""
    x = np.asarray(x, float)
    shift = np.zeros_like(x)
    while (low := x < 10).any():
        shift = np.where(low, shift - np.log(np.where(low, x, 1.0)), shift)
        x = np.where(low, x + 1, x)
    y = 1 / (x * x)
    series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x
    log: Floats = shift + (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series
    return log
