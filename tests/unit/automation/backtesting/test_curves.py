"""What the curves are of."""

import numpy as np
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.asking import votes_each
from adjudge.automation.backtesting.curves import curves
from adjudge.automation.backtesting.policies import Terms
from adjudge.automation.backtesting.running import Request
from adjudge.core.pools import Prices


def test_what_nobody_answered_is_in_no_curve_and_in_no_votes_of_today():
    """Else the cost of people was that of half the items, and their accuracy half of what it is."""
    data = a_set(600, votes=4)
    data.answers[::2] = -1
    request = Request(terms=Terms(target=0.05, delta=0.1, prices=Prices(wrong=20)), repeats=2)

    [curve] = curves(data, request)

    assert curve.votes[0] >= 1
    assert curve.wrong[0] < 0.3
    assert votes_each(data.answers) == 3
    assert votes_each(np.full((4, 3), -1)) == 0


def test_what_a_model_did_not_score_is_in_no_bin_of_its_reliability():
    """Else it seemed to be never sure and never right of half the items."""
    data = a_set(600)
    data.scores["model@1"][::2] = 0.0

    [curve] = curves(data, Request(terms=Terms(target=0.05, delta=0.1, prices=Prices(wrong=20)), repeats=2))

    for bins in (curve.reliability, curve.reliability_raw):
        assert min(each.confidence for each in bins) > 0.2
        assert sum(each.accuracy * each.items for each in bins) > 0.6


def test_the_curve_of_a_blend_is_of_the_models_that_are_blended():
    """Drawn of all models, it was of another blend than the policies beside it answer by."""
    data = a_set(240, models=(2.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    request = Request(terms=Terms(target=0.05, delta=0.1, prices=Prices(wrong=20)), repeats=8)

    good, *_, blend = curves(data, request)

    assert blend.name == "all blended"
    assert blend.risk == good.risk
