from itertools import accumulate, repeat

from hypothesis import given
from hypothesis import strategies as st

from adjudge.stack.restarts import FIRST_SECONDS, LONGEST_SECONDS, delay_after, described


def test_each_wait_is_twice_the_one_before_up_to_the_longest():
    waits = list(accumulate(repeat(0.0, 9), lambda wait, lived: delay_after(wait, lived_seconds=lived), initial=0.0))

    assert waits[1:] == [0.25, 0.5, 1, 2, 4, 5, 5, 5, 5]


def test_whoever_lived_long_is_started_again_at_once():
    assert delay_after(LONGEST_SECONDS, lived_seconds=5) == FIRST_SECONDS


@given(previous=st.floats(0, 1e6), lived=st.floats(0, 1e6))
def test_no_wait_leaves_its_bounds(previous, lived):
    assert FIRST_SECONDS <= delay_after(max(previous, FIRST_SECONDS), lived_seconds=lived) <= LONGEST_SECONDS


def test_an_end_by_signal_is_named():
    assert described(137) == "killed by SIGKILL"
    assert described(3) == "status 3"
    assert described(255) == "status 255"
