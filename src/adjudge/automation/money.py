"""Money at risk: the share of the accepted stake that lies on wrong answers.

Where the audit coin is proportional to the stake, audits see money as it lies: the share of audits that
are wrong estimates the share of money, and the exact test needs no change. Where it is not (large stakes
are always audited, a rate was changed), each audit counts with its stake over its probability, and the
test is a bet on these weighted terms: `weighed`.
"""

import numpy as np

from adjudge.automation.binomial import Floats
from adjudge.automation.capitals import capital_at
from adjudge.automation.certifying import Start
from adjudge.automation.samples import Sample


def largest_ratio(*, rate: float, up_to: float, per_stake: float | None) -> float:
    """Return the most that a stake can be of its probability, where `rate` is the lowest that there is.

    Known before any coin falls; so a stake over its probability, over this, is a weight of at most 1. Where the coin
    is proportional, and no stake is so large that it is surely audited, all weights are 1.
    """
    return up_to / rate if per_stake is None else max(per_stake / rate, up_to)


def choose_start(calibrate: Sample, grid: Floats, target: float) -> Start | None:
    """Return the threshold for which the calibrate-audits speak most; None: for none."""
    terms = calibrate.weights * (target - calibrate.wrong)
    found = capital_at(grid, calibrate.scores, terms, np.zeros_like(terms), 1 / (1 - target))
    if not found.size or found.max() <= 0:
        return None
    return Start(threshold=float(grid[int(np.argmax(found))]), why="calibrate-audits")
