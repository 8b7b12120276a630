"""What automation is worth, by hand."""

import pytest

from adjudge.automation.backtesting.curves import Curve
from adjudge.automation.backtesting.returns import DayPrices, Today, returns

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
