"""What automation is worth, by hand."""

from dataclasses import replace

import pytest
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.curves import Curve
from adjudge.automation.backtesting.policies import Terms
from adjudge.automation.backtesting.returns import DayPrices, Today, returns, today_of
from adjudge.automation.backtesting.running import Request, run
from adjudge.automation.backtesting.scoring import BASELINE
from adjudge.core.pools import Prices

CURVE = Curve(
    name="model@1",
    coverage=[0.0, 0.5, 1.0],
    risk=[0.0, 0.008, 0.1],
    wrong=[0.02, 0.014, 0.1],
    votes=[2.0, 0.8, 0.0],
    reliability=[],
    reliability_raw=[],
)
PRICES = DayPrices(
    items_per_day=1_000, vote=0.1, model=0.01, wrong=5, missed=10, missed_share=0.5, platform_per_day=20, set_up=5_000
)
TODAY = Today(votes_per_item=3, accuracy=0.98)


def test_a_day_costs_platform_model_people_mistakes_and_missed_charges():
    found = returns(CURVE, PRICES, TODAY, 0.01)

    assert found.cost_per_day == pytest.approx([20 + 10 + 200 + 200, 20 + 10 + 80 + 140, 20 + 10 + 0 + 1_000])
    assert (found.best_coverage, found.best_cost) == (0.5, pytest.approx(250))
    assert found.today == pytest.approx(300 + 200)
    assert found.saved_per_day == pytest.approx(250)
    assert found.pay_back_day == pytest.approx(20)


def test_a_point_of_target_risk_costs_what_its_coverage_does():
    assert returns(CURVE, PRICES, TODAY, 0.001).point_of_risk == pytest.approx(430 - 250)
    assert returns(CURVE, PRICES, TODAY, 0.01).point_of_risk == 0


def test_what_never_saves_is_never_paid_back():
    assert returns(CURVE, PRICES, Today(votes_per_item=0, accuracy=1), 0.01).pay_back_day is None


def test_without_people_in_the_set_the_rest_is_done_as_today():
    """Not for nothing: else the cheapest would be to answer nothing at all."""
    alone = replace(CURVE, has_people=False, votes=[0.0, 0.0, 0.0], wrong=CURVE.risk)

    found = returns(alone, PRICES, TODAY, 0.01)

    half = 20 + 10 + 0.5 * 300 + (0.5 * 0.008 + 0.5 * 0.02) * 10_000
    assert found.cost_per_day == pytest.approx([20 + 10 + 300 + 200, half, 20 + 10 + 1_000])
    assert found.best_coverage == 0.5
    assert found.saved_per_day == pytest.approx(500 - half)


def test_todays_accuracy_is_that_of_three_people_over_the_divisions_of_the_curves():
    """However many the backtest has: so `adjudge roi` and the page of a backtest say the same of today."""
    data = a_set(300, votes=4, people=9)
    terms = Terms(target=0.05, delta=0.1, prices=Prices(wrong=20))
    ledger = run(data, Request(terms=terms, repeats=20))[BASELINE].halves

    few, many = (today_of(data, Request(terms=terms, repeats=repeats)) for repeats in (20, 200))

    assert few == many == Today(votes_per_item=3, accuracy=sum(one.right for one in ledger) / (20 * 150))
    assert today_of(a_set(300, votes=0), Request(terms=terms, repeats=20)) == Today(votes_per_item=3, accuracy=1)
