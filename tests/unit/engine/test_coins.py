"""The audit coin: of known probability, secret, per decision."""

from uuid import UUID

import pytest

from adjudge.core.audits import CALIBRATE_SHARE
from adjudge.engine.coins import Coin

DECISIONS = [UUID(int=n) for n in range(20_000)]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_coin_falls_on_audit_as_often_as_its_rate_says(rate):
    coin = Coin("k1", b"secret")

    drawn = sum(bool(coin.audit_role(decision, rate)) for decision in DECISIONS)

    assert abs(drawn / len(DECISIONS) - rate) < 0.01


def test_the_same_decision_falls_the_same_way_again():
    first, again = Coin("k1", b"secret"), Coin("k1", b"secret")

    assert [first.audit_role(d, 0.3) for d in DECISIONS[:200]] == [again.audit_role(d, 0.3) for d in DECISIONS[:200]]


def test_another_key_throws_another_coin():
    one, other = Coin("k1", b"secret"), Coin("k2", b"other")

    agreeing = sum(bool(one.audit_role(d, 0.5)) == bool(other.audit_role(d, 0.5)) for d in DECISIONS)

    assert 0.48 < agreeing / len(DECISIONS) < 0.52


def test_coins_of_different_purposes_are_independent():
    coin = Coin("k1", b"secret")

    both = sum(coin.toss(d, "audit") < 0.5 and coin.toss(d, "canary") < 0.5 for d in DECISIONS)

    assert 0.23 < both / len(DECISIONS) < 0.27


def test_one_audit_in_five_serves_to_calibrate():
    coin = Coin("k1", b"secret")

    roles = [coin.audit_role(decision, 1.0) for decision in DECISIONS]

    assert abs(roles.count("calibrate") / len(roles) - CALIBRATE_SHARE) < 0.01
    assert coin.audit_role(DECISIONS[0], 0.0) == ""


def test_the_role_of_an_audit_does_not_follow_from_its_being_drawn():
    """The lowest tosses are drawn: a role by the same hash would make all of a small sample calibrate."""
    coin = Coin("k1", b"secret")
    drawn = [role for decision in DECISIONS if (role := coin.audit_role(decision, 0.1))]

    assert abs(drawn.count("calibrate") / len(drawn) - CALIBRATE_SHARE) < 0.04
