"""Money at risk: the share of the accepted stake that lies on wrong answers (`statistics` 2.4).

Where the audit coin is proportional to the stake, audits see money as it lies: the share of audits that
are wrong estimates the share of money, and the exact test needs no change. Where it is not (large stakes
are always audited, a rate was changed), each audit counts with its stake over its probability, and the
test is a bet on these weighted terms.
"""

import math

import numpy as np

from adjudge.automation.betting import audits_needed, capital_at, highest_capital
from adjudge.automation.binomial import Floats
from adjudge.automation.certifying import Licence, Start, Verdict, certify, not_enough, too_few
from adjudge.automation.samples import Role, Sample, grid_of


def audit_rate(stake: float, *, sure: float) -> float:
    """Return the probability of an audit, proportional to the stake; from `sure` on every decision is audited."""
    return min(1.0, max(0.0, stake) / sure)


def largest_ratio(*, rate: float, up_to: float, per_stake: float | None) -> float:
    """Return the most that a stake can be of its probability, where `rate` is the lowest that there is.

    Known before any coin falls; so a stake over its probability, over this, is a weight of at most 1. Where the coin
    is proportional, and no stake is so large that it is surely audited, all weights are 1.
    """
    return up_to / rate if per_stake is None else max(per_stake / rate, up_to)


def weights_of(stakes: Floats, rates: Floats) -> Floats:
    """Return the weights of audits drawn at these rates: stake over rate, over the largest. All 1: proportional.

    Of use for the plain risk as well, with stakes of 1: then these are min π / π.
    """
    ratios = np.divide(stakes, rates)
    largest = ratios.max(initial=0.0)
    return ratios / largest if largest > 0 else ratios


def certify_money(
    sample: Sample, *, target: float, delta: float, grid: Floats | None = None, start: Start | None = None
) -> Verdict:
    """Test whether the money-weighted risk is below the target: of the accepted stake, the share on wrong answers.

    Weights that are all alike: the exact test, one look. Else a betting test in intake order, which may be
    looked at as often as one likes while `start`, `grid` and the largest weight that may occur stay as they were.
    """
    if np.all(np.abs(sample.weights - 1) < 1e-9):
        return certify(sample, target=target, delta=delta, grid=grid, start=start)
    calibrate, judged = sample.part(Role.CALIBRATE), sample.part(Role.CERTIFY)
    grid = grid_of(calibrate.scores) if grid is None else grid
    start = start or choose_start(calibrate, grid, target)
    if start is None or not len(judged):
        return too_few(len(judged), len(sample), target=target, delta=delta)
    licence: Licence | None = None
    for threshold in grid[grid <= start.threshold]:
        accepted = judged.where(judged.scores >= threshold)
        log_capital = _evidence(accepted, target)
        if log_capital < math.log(1 / delta):
            break
        licence = Licence(
            threshold=float(threshold),
            coverage=_share(sample, float(threshold)),
            upper_bound=_upper_bound(accepted, delta, target),
            p_value=math.exp(-log_capital),
            audits=len(accepted),
            errors=int(accepted.wrong.sum()),
            start=start,
            delta_spent=delta,
        )
    return licence or _not_yet(judged, len(sample), start, target, delta)


def _evidence(accepted: Sample, target: float) -> float:
    """Return the log of the highest capital against "the weighted risk is at least the target"."""
    return highest_capital(accepted.weights * (target - accepted.wrong), 1 / (1 - target))


def choose_start(calibrate: Sample, grid: Floats, target: float) -> Start | None:
    """Return the threshold for which the calibrate-audits speak most; None: for none."""
    terms = calibrate.weights * (target - calibrate.wrong)
    found = capital_at(grid, calibrate.scores, terms, np.zeros_like(terms), 1 / (1 - target))
    if not found.size or found.max() <= 0:
        return None
    return Start(threshold=float(grid[int(np.argmax(found))]), why="calibrate-audits")


def _share(sample: Sample, threshold: float) -> float:
    """Return the coverage in money."""
    total = float(sample.weights.sum())
    return float(sample.weights[sample.scores >= threshold].sum()) / total if total else 0.0


def _upper_bound(accepted: Sample, delta: float, target: float) -> float:
    """Return the least risk, to a thousandth of the target, against which there is the same evidence."""
    low, high = 0.0, target
    for _ in range(10):
        middle = (low + high) / 2
        shown = middle > 0 and _evidence(accepted, middle) >= math.log(1 / delta)
        low, high = (low, middle) if shown else (middle, high)
    return high


def _not_yet(judged: Sample, audits: int, start: Start, target: float, delta: float) -> Verdict:
    """Say what is lacking, by the count of audits that those of full weight would amount to."""
    accepted = judged.where(judged.scores >= start.threshold)
    effective = int(accepted.weights.sum())
    errors = round(float(accepted.weights[accepted.wrong].sum()))
    return not_enough(
        effective,
        errors,
        max(1, round(audits * effective / max(1, len(accepted)))),
        target=target,
        delta=delta,
        wanted=audits_needed(errors, target, delta),
    )
