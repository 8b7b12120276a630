"""So much a second, and up to a second's worth at once."""

from hypothesis import given
from hypothesis import strategies as st

from adjudge.core.buckets import Bucket

RATES = st.floats(0.01, 1_000)


def test_a_full_bucket_holds_a_seconds_worth():
    bucket = Bucket(3, now=0)

    taken = 0
    while not bucket.seconds_until_one(0):
        bucket.take(1)
        taken += 1

    assert taken == 3


def test_less_than_one_a_second_is_one_at_a_time():
    bucket = Bucket(0.125, now=0)
    assert not bucket.seconds_until_one(0)

    bucket.take(1)

    assert bucket.seconds_until_one(0) == 8
    assert bucket.seconds_until_one(6) == 2
    assert not bucket.seconds_until_one(8)


def test_what_was_too_much_is_paid_off_first():
    bucket = Bucket(100, now=0)

    bucket.take(1_100)

    assert bucket.seconds_until_one(0) == 10.01
    assert bucket.seconds_until_one(9) == 1.01
    assert bucket.seconds_until_one(10.02) == 0


def test_another_rate_counts_from_when_it_was_set():
    bucket = Bucket(100, now=0)
    bucket.take(200)

    bucket.refill(10, now=0.5)

    assert bucket.seconds_until_one(0.5) == 5.1


@given(rate=RATES, pauses=st.lists(st.floats(0, 2), max_size=200))
def test_no_more_is_taken_than_the_rate_and_one_filling_allow(rate, pauses):
    bucket, now, taken = Bucket(rate, 0), 0.0, 0
    for pause in pauses:
        now += pause
        if not bucket.seconds_until_one(now):
            bucket.take(1)
            taken += 1

    assert taken <= rate * now + max(1, rate) + 1e-6


@given(rate=RATES, amount=st.floats(0, 10_000))
def test_who_comes_back_when_told_is_let_in(rate, amount):
    bucket = Bucket(rate, 0)
    bucket.take(amount)

    wait = bucket.seconds_until_one(0)

    assert bucket.seconds_until_one(wait) < 1e-6 * max(1, wait)
