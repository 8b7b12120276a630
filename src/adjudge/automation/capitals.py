"""Bets on terms that are not counts: for each threshold what each bet has become, read audit by audit.

Errors among answers are counted, and what a bet on them has become is a table (`betting`). Differences between a model
and people, and answers weighed by their stake, are not: there the capital of each bet is kept. No term can
lose more than there is, and under the null the capital's expectation never rises; so it ever reaches 1/δ with
probability at most δ (Ville 1939; Waudby-Smith and Ramdas 2024).
"""

import math
from dataclasses import dataclass

import numpy as np

from adjudge.automation.betting import BETS
from adjudge.automation.binomial import Floats
from adjudge.automation.certifying import Start
from adjudge.automation.samples import reaching


@dataclass(frozen=True, slots=True, kw_only=True)
class Capitals:
    """What is fixed before a certify-audit is read, and the evidence since. JSON by value."""

    delta: float
    """This epoch's part of the error budget."""
    start: Start
    grid: tuple[float, ...]
    """From the starting point towards looser thresholds."""
    capitals: tuple[tuple[float, ...], ...]
    """Of each threshold the logarithm of what each bet has become."""
    highest: tuple[float, ...]
    """Of each threshold the logarithm of the most that its bets together have ever been."""
    reached: tuple[int, ...]
    """Of each threshold the certify-audits that reach it."""
    audits: int = 0
    """Certify-audits read."""
    last_number: int = -1
    """Intake number of the last audit read."""

    @property
    def is_done(self) -> bool:
        """Whether all of the sequence is licensed: nothing is left to be wrong about."""
        return bool(self.grid) and self._licensed == len(self.grid)

    @property
    def _licensed(self) -> int:
        """How many thresholds in a row, from the strictest, have been shown: their bets were at 1/delta or above."""
        level = math.log(1 / self.delta)
        return next((place for place, high in enumerate(self.highest) if high < level), len(self.highest))

    def _shown_now(self, least: float) -> int | None:
        """Return the place of the loosest licensed threshold, from `least` on, at 1/delta now; None: none."""
        level = math.log(1 / self.delta) + math.log(len(BETS))
        standing = [
            place
            for place in range(self._licensed)
            if self.grid[place] >= least and np.logaddexp.reduce(self.capitals[place]) >= level
        ]
        return standing[-1] if standing else None


def staked(capitals: Floats, terms: Floats, most: float) -> tuple[Floats, float]:
    """Return what the logarithm of each bet's capital becomes by terms, and the highest that all together have had.

    Terms read in parts come to the same as read at once. Without any, the highest is minus infinity.
    """
    if not len(terms):
        return capitals, -math.inf
    bets = most * (1 - np.asarray(BETS))
    risen = capitals[:, None] + np.cumsum(np.log1p(np.outer(bets, terms)), axis=1)
    together = np.logaddexp.reduce(risen, axis=0) - math.log(len(BETS))
    return risen[:, -1], float(together.max())


def capital_at(thresholds: Floats, scores: Floats, accepted: Floats, deferred: Floats, most: float) -> Floats:
    """Return the logarithm of the final capital at each threshold, by the terms of what it accepts and defers."""
    bets = most * (1 - np.asarray(BETS))
    order = np.argsort(-scores, kind="stable")
    rest = np.log1p(np.outer(bets, deferred[order]))
    gains = np.cumsum(np.log1p(np.outer(bets, accepted[order])) - rest, axis=1)
    places = reaching(np.sort(scores), thresholds)
    logs = rest.sum(axis=1)[:, None] + np.concatenate([np.zeros((len(bets), 1)), gains], axis=1)[:, places]
    capital: Floats = np.logaddexp.reduce(logs, axis=0) - math.log(len(bets))
    return capital
