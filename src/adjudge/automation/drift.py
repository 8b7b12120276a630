"""Whether scores are still those of the time of certification: a two-sample test that may always be looked at.

Null: scores then and now are exchangeable. The rank of each new score among all before is then uniform and
independent of the past, so capital bet on ranks being otherwise cannot be expected to grow (conformal test
martingale, Vovk et al. 2005, 2021), and reaches 1/δ with probability at most δ. Scores are counted in bins
whose edges are fixed, which bounds the state; ties are split by a chance that is passed in.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

BINS: Final = 50
LEANINGS: Final = (-0.9, -0.5, 0.5, 0.9)
"""Bets: on high or low ranks (the mean moves), and on outer or inner ones (the spread does)."""
_MOST: Final = 1e12
"""Capital grows no further: far beyond every alarm, and always a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The test after some scores. JSON by value."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    """Of scores then and now, between edges."""
    capitals: tuple[float, ...]
    scores: int = 0
    """Read since certification."""

    @classmethod
    def begin(cls, scores: Sequence[float], bins: int = BINS) -> Self:
        """Start from the scores at certification; some thousands do. Raises ValueError where there is none."""
        known = sorted(float(score) for score in scores)
        if not known or any(math.isnan(score) for score in known):
            raise ValueError("drift is measured against scores at certification, and there are none")
        edges = tuple(sorted({known[len(known) * i // bins] for i in range(1, bins)}))
        counts = [0] * (len(edges) + 1)
        for score in known:
            counts[bisect_right(edges, score)] += 1
        return cls(edges=edges, counts=tuple(counts), capitals=(1.0,) * 2 * len(LEANINGS))

    @property
    def capital(self) -> float:
        """Evidence of drift, 1 at first. At 1/δ there is drift, but for a chance of δ."""
        return sum(self.capitals) / len(self.capitals)

    def has_drifted(self, delta: float) -> bool:
        return self.capital >= 1 / delta

    def after(self, score: float, chance: float) -> Self:
        """Read one more score. `chance`: uniform in 0..1 and independent of it, as a keyed hash is."""
        place = bisect_right(self.edges, score)
        below, here, total = sum(self.counts[:place]), self.counts[place], sum(self.counts)
        rank = (below + chance * (here + 1)) / (total + 1)
        mean, spread = 2 * rank - 1, 6 * (rank - 0.5) ** 2 - 0.5  # each of expectation 0 and at least -1
        terms = [leaning * term for term in (mean, spread) for leaning in LEANINGS]
        counts = (*self.counts[:place], here + 1, *self.counts[place + 1 :])
        capitals = tuple(min(_MOST, capital * (1 + term)) for capital, term in zip(self.capitals, terms, strict=True))
        return replace(self, counts=counts, capitals=capitals, scores=self.scores + 1)
