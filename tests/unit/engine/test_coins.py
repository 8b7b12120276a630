"""The audit coin: of known probability, secret, per decision."""

from uuid import UUID

import pytest

from adjudge.core.audits import CALIBRATE_SHARE
from adjudge.engine.coins import Coin

DECISIONS = [UUID(int=n) for n in range(20_000)]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_coin_falls_on_audit_as_often_as_its_rate_says(rate):
    coin = Coin("k1", b"secret")

    drawn = sum(coin.audit(decision, rate).drawn for decision in DECISIONS)

    assert abs(drawn / len(DECISIONS) - rate) < 0.01


def test_the_same_decision_falls_the_same_way_again():
    first, again = Coin("k1", b"secret"), Coin("k1", b"secret")

    assert [first.audit(d, 0.3) for d in DECISIONS[:200]] == [again.audit(d, 0.3) for d in DECISIONS[:200]]


def test_another_key_throws_another_coin():
    one, other = Coin("k1", b"secret"), Coin("k2", b"other")

    agreeing = sum(one.audit(d, 0.5).drawn == other.audit(d, 0.5).drawn for d in DECISIONS)

    assert 0.48 < agreeing / len(DECISIONS) < 0.52


def test_coins_of_different_purposes_are_independent():
    coin = Coin("k1", b"secret")

    both = sum(coin.toss(d, "audit") < 0.5 and coin.toss(d, "canary") < 0.5 for d in DECISIONS)

    assert 0.23 < both / len(DECISIONS) < 0.27


def test_one_audit_in_five_serves_to_calibrate_and_the_record_says_what_was_tossed():
    coin = Coin("k1", b"secret")

    audits = [coin.audit(decision, 1.0) for decision in DECISIONS]

    share = sum(audit.role == "calibrate" for audit in audits) / len(audits)
    assert abs(share - CALIBRATE_SHARE) < 0.01
    assert {(audit.rate, audit.key) for audit in audits} == {(1.0, "k1")}
    assert coin.audit(DECISIONS[0], 0.0).role == ""


def test_the_role_of_an_audit_does_not_follow_from_its_being_drawn():
    """The lowest tosses are drawn: a role by the same hash would make all of a small sample calibrate."""
    coin = Coin("k1", b"secret")
    audits = [coin.audit(decision, 0.1) for decision in DECISIONS]
    drawn = [audit for audit in audits if audit.drawn]

    assert abs(sum(audit.role == "calibrate" for audit in drawn) / len(drawn) - CALIBRATE_SHARE) < 0.04
    assert {audit.rate for audit in audits} == {0.1}
