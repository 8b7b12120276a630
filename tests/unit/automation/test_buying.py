import pytest

from adjudge.automation.buying import scaled, stopping
from adjudge.core.pools import Prices, Stops


def stops(wrong: float, **prices: float) -> Stops:
    return stopping(Prices(wrong=wrong, **prices), accuracy=0.95, weight=0.5, votes=3)


def test_the_dearer_a_mistake_the_longer_people_are_asked():
    cheap, dear = stops(20).risks, stops(500).risks

    assert all(less < more for less, more in zip(dear, cheap, strict=True))


def test_waiting_has_its_price():
    assert stops(100, delay=5).risks[1] > stops(100).risks[1]


def test_the_last_vote_must_be_worth_more_than_the_first():
    """With more votes to come, one that changes nothing by itself can still pay."""
    first, second, third = stops(100).risks

    assert first < second < third


def test_nobody_is_asked_about_a_risk_smaller_than_the_price_of_asking():
    assert min(stops(100).risks) >= 0.01


@pytest.mark.parametrize(("votes", "risk", "step"), [(1, 0.001, "accept"), (1, 0.3, "ask"), (3, 0.3, "expert")])
def test_accept_ask_or_expert(votes, risk, step):
    assert stops(100, expert=20).step(votes, risk) == step


def test_what_votes_would_hardly_settle_goes_to_a_cheap_expert_before_the_last_vote():
    """Two votes more, each at nearly an expert's price, and doubt may stay."""
    found = stops(100, vote=8, expert=10)

    assert found.step(1, 0.5) == "expert"
    assert found.step(1, 0.01) == "accept"
    assert stops(100, vote=1, expert=40).step(1, 0.5) == "ask", "a dear one is asked last"


def test_without_an_expert_the_last_belief_stands():
    assert stops(100).step(3, 0.6) == "accept"


def test_scaled_to_nothing_asks_while_there_is_doubt():
    assert scaled(stops(100), 0).step(2, 1e-9) == "ask"


def test_prices_are_numbers_from_zero():
    with pytest.raises(ValueError, match="price"):
        Prices(wrong=float("nan"))
