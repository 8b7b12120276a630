"""Tests of a whole sample at once: what the tests in service, which read audit by audit, are held against.

And what audits drawn by stake weigh, as the statistics define it.
"""

import math
from collections.abc import Callable

import numpy as np

from adjudge.automation import against_people, money
from adjudge.automation.against_people import NoWorse, Over, Pairs, not_yet
from adjudge.automation.betting import BETS
from adjudge.automation.binomial import Floats, sign_test
from adjudge.automation.capitals import staked
from adjudge.automation.certifying import Aim, Licensed, NotEnough, Start, Verdict, certify, too_few
from adjudge.automation.samples import Role, Sample, grid_of


def highest_capital(terms: Floats, most: float) -> float:
    """Return the logarithm of the highest capital ever reached by betting on terms, in their order.

    Null: given all before, each term has expectation at most 0. No term is below -1/`most`.
    """
    return max(0.0, staked(np.zeros(len(BETS)), terms, most)[1])


def certify_against_people(
    pairs: Pairs,
    *,
    delta: float,
    margin: float = 0.0,
    over: Over = Over.PLAN,
    anytime: bool = False,
    grid: Floats | None = None,
    start: Start | None = None,
) -> NoWorse | NotEnough:
    """Test in a fixed sequence from the start towards looser thresholds.

    Without a margin the exact sign test, one look at `delta`; with one, or where `anytime`, a betting test.
    """
    evidence = _bet(margin) if margin > 0 or anytime else _sign
    calibrate, judged = pairs.part(Role.CALIBRATE), pairs.part(Role.CERTIFY)
    grid = grid_of(calibrate.scores) if grid is None else grid
    start = start or against_people.choose_start(calibrate, grid, margin=margin, over=over)
    if start is None:
        return NotEnough(reason="too few audits to begin with", more_audits=1)
    licensed: NoWorse | None = None
    for threshold in grid[grid <= start.threshold].tolist():
        differences = judged.differences(threshold, over)
        p_value = evidence(differences)
        if p_value > delta:
            break
        licensed = NoWorse(
            threshold=threshold,
            coverage=float(np.mean(pairs.scores >= threshold)),
            over=over,
            margin=margin,
            p_value=p_value,
            audits=len(differences),
            only_model_wrong=int((differences > 0).sum()),
            only_people_wrong=int((differences < 0).sum()),
            start=start,
        )
    differences = judged.differences(start.threshold, over)
    return licensed or not_yet(
        compared=len(differences),
        only_model=int((differences > 0).sum()),
        only_people=int((differences < 0).sum()),
        audits=len(pairs),
        margin=margin,
        delta=delta,
    )


def _sign(differences: Floats) -> float:
    return sign_test(for_model=int((differences < 0).sum()), against=int((differences > 0).sum()))


def _bet(margin: float) -> Callable[[Floats], float]:
    """The test of "on average worse by at least `margin`": terms are at least margin - 1."""
    return lambda differences: math.exp(-highest_capital(margin - differences, 1 / (1 - margin)))


def audit_rate(stake: float, *, sure: float) -> float:
    """The probability of an audit, proportional to the stake; from `sure` on every decision is audited."""
    return min(1.0, max(0.0, stake) / sure)


def weights_of(stakes: Floats, rates: Floats) -> Floats:
    """The weights of audits drawn at these rates: stake over rate, over the largest. All 1: proportional."""
    ratios = np.divide(stakes, rates)
    largest = ratios.max(initial=0.0)
    return ratios / largest if largest > 0 else ratios


def certify_money(
    sample: Sample, *, target: float, delta: float, grid: Floats | None = None, start: Start | None = None
) -> Verdict:
    """Test whether of the accepted stake less than the target's share is on wrong answers.

    Weights that are all alike: the exact test. Else a betting test in intake order.
    """
    if np.all(np.abs(sample.weights - 1) < 1e-9):
        return certify(sample, target=target, delta=delta, grid=grid, start=start)
    calibrate, judged = sample.part(Role.CALIBRATE), sample.part(Role.CERTIFY)
    grid = grid_of(calibrate.scores) if grid is None else grid
    start = start or money.choose_start(calibrate, grid, target)
    if start is None:
        return too_few(len(judged), len(sample), Aim(target, delta))
    licence: Licensed | None = None
    for threshold in grid[grid <= start.threshold].tolist():
        accepted = judged.where(judged.scores >= threshold)
        log_capital = highest_capital(accepted.weights * (target - accepted.wrong), 1 / (1 - target))
        if log_capital < math.log(1 / delta):
            break
        licence = Licensed(
            threshold=threshold,
            coverage=float(sample.weights[sample.scores >= threshold].sum() / sample.weights.sum()),
            upper_bound=target,
            p_value=math.exp(-log_capital),
            audits=len(accepted),
            errors=int(accepted.wrong.sum()),
            start=start,
        )
    return licence or NotEnough(reason="not shown at the start", more_audits=None)
