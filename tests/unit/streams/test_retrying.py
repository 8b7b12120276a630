import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.streams import Failure, Message, Poison, Reject, Retries, RetryLater
from adjudge.streams.messages import Trail
from adjudge.streams.retrying import HISTORY_LIMIT, GiveUp, Retry, after_failure, trail_after


def a_message(failures=0):
    trail = Trail("standard/1-0", 1, failures, (Failure(0.0, "E", ""),) * min(failures, HISTORY_LIMIT))
    return Message("5000-0", "n", "standard", b"", 0, trail if failures else None)


def fate(message, error, retries, seed=0, now=0.0):
    return after_failure(message, error, retries, random.Random(seed), now)


@given(limit=st.integers(0, 20), seed=st.integers())
def test_a_message_is_tried_once_and_then_retried_as_often_as_the_limit_says(limit, seed):
    tries = 0
    while isinstance(fate(a_message(tries), ValueError(), Retries(limit=limit), seed), Retry):
        tries += 1

    assert tries == limit


@given(failures=st.integers(0, 5_000), seed=st.integers())
def test_a_wait_is_never_longer_than_its_bound(failures, seed):
    rules = Retries(limit=10_000, base_seconds=0.5, cap_seconds=60)

    wait = fate(a_message(failures), ValueError(), rules, seed).seconds

    assert 0 <= wait <= min(60, 0.5 * 2 ** min(failures, 10))


def test_waits_are_spread_over_the_whole_range():
    rules = Retries(base_seconds=8, cap_seconds=8)
    waits = [fate(a_message(), ValueError(), rules, seed).seconds for seed in range(200)]

    assert min(waits) < 1
    assert max(waits) > 7


@pytest.mark.parametrize("error", [Reject("no"), Poison(5)])
def test_what_no_retry_can_help_is_given_up_at_once(error):
    assert fate(a_message(), error, Retries(limit=99)) == GiveUp()


def test_a_handler_can_name_the_wait():
    assert fate(a_message(4), RetryLater(7.5), Retries()) == Retry(7.5)


def test_a_named_wait_counts_towards_the_limit():
    assert fate(a_message(5), RetryLater(7.5), Retries(limit=5)) == GiveUp()


def test_the_nearest_class_of_an_error_decides():
    rules = Retries(limit=5, by_error={OSError: Retries(limit=1), Exception: Retries(limit=0)})

    assert isinstance(fate(a_message(), ConnectionError(), rules), Retry)
    assert fate(a_message(1), ConnectionError(), rules) == GiveUp()
    assert fate(a_message(), ValueError(), rules) == GiveUp()


def test_a_trail_keeps_origin_and_first_time_and_a_bounded_history():
    message = a_message(HISTORY_LIMIT)

    trail = trail_after(message, ValueError("x" * 10_000), at=9.0)

    assert (trail.origin, trail.published_ms, trail.failures) == ("standard/1-0", 1, HISTORY_LIMIT + 1)
    assert len(trail.history) == HISTORY_LIMIT
    assert trail.history[-1] == Failure(9.0, "builtins.ValueError", "x" * 500)


def test_the_first_failure_makes_the_message_its_own_origin():
    trail = trail_after(a_message(), ValueError(), at=9.0)

    assert (trail.origin, trail.published_ms, trail.failures) == ("standard/5000-0", 5000, 1)


def test_impossible_rules_are_refused():
    with pytest.raises(ValueError, match="base <= cap"):
        Retries(base_seconds=2, cap_seconds=1)


def test_no_retry_begins_at_or_after_the_deadline():
    message = Message("5000-0", "n", "standard", b"", expires_at=20.0)

    assert fate(message, RetryLater(9.9), Retries(), now=10.0) == Retry(9.9)
    assert fate(message, RetryLater(10.0), Retries(), now=10.0) == GiveUp()


def test_no_retry_begins_when_the_message_is_too_old():
    message = Message("5000-0", "n", "standard", b"")
    rules = Retries(max_age_seconds=60)

    assert fate(message, RetryLater(4), rules, now=60.0) == Retry(4)
    assert fate(message, RetryLater(5), rules, now=60.0) == GiveUp()


def test_the_age_limit_is_that_of_the_errors_class():
    rules = Retries(by_error={OSError: Retries(max_age_seconds=1)})
    message = Message("5000-0", "n", "standard", b"")

    assert isinstance(fate(message, ValueError(), rules, now=60.0), Retry)
    assert fate(message, OSError(), rules, now=60.0) == GiveUp()


def test_before_the_server_has_told_the_time_nothing_is_too_old():
    message = Message("5000-0", "n", "standard", b"", expires_at=20.0)

    assert isinstance(fate(message, ValueError(), Retries(max_age_seconds=1), now=float("-inf")), Retry)
