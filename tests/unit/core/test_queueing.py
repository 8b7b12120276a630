"""What is at stake brings a question forward in its queue, and never by more than the pool says."""

from datetime import timedelta

import pytest
from tests.builders import NOON, seconds

from adjudge.core.money import Stake
from adjudge.core.queueing import priority
from adjudge.core.specifications import PoolSpec, Sooner

RATES = {"USD": 1.0, "EUR": 1.25}
POOL = PoolSpec(name="agents", sooner=Sooner(timedelta(minutes=10), Stake(500_00, "USD")))


def test_without_the_key_a_queue_is_in_the_order_in_which_questions_are_due():
    assert priority(PoolSpec(name="agents"), NOON, Stake(500_00, "USD"), RATES) == -NOON.timestamp()


@pytest.mark.parametrize(
    ("stake", "forward"),
    [
        (Stake(0, "USD"), 0),
        (Stake(50_00, "USD"), 60),
        (Stake(500_00, "USD"), 600),
        (Stake(9_000_00, "USD"), 600),
        (Stake(40_00, "EUR"), 60),
        (Stake(1, "GBP"), 600),  # nobody can say how much it is
        (None, 600),
    ],
)
def test_a_stake_brings_a_question_forward_in_proportion_and_at_most_so_far(stake, forward):
    assert priority(POOL, NOON, stake, RATES) == -(NOON - seconds(forward)).timestamp()
