"""How API processes share the limits of a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.engine.admission.limiting import EVEN, Limiter, LimitReached, share_of
from adjudge.store.scope import Limits, Scope

ASKED = st.integers(1, 100_000)


def a_limiter(clock: list[float]) -> Limiter:
    return Limiter(None, process="api", monotonic=lambda: clock[0])


def a_scope(**limits: float) -> Scope:
    return Scope("key_1", "client", limits=Limits(**limits))


@given(st.lists(ASKED, min_size=1, max_size=8))
def test_shares_are_one_whole_and_go_by_what_was_asked(asked):
    shares = [share_of(mine, len(asked) - 1, sum(asked) - mine) for mine in asked]

    assert sum(shares) == pytest.approx(1)
    assert [share for _, share in sorted(zip(asked, shares, strict=True))] == sorted(shares)
    assert min(shares) >= EVEN / len(asked)


def test_whoever_is_asked_alone_has_it_all():
    assert share_of(7, 0, 0) == 1


def test_a_refusal_says_which_limit_and_when_to_come_back():
    clock, scope = [0.0], a_scope(requests_per_second=0.25)
    limiter = a_limiter(clock)
    limiter.request(scope)

    with pytest.raises(LimitReached) as refused:
        limiter.request(scope)

    assert refused.value.extra == {"limit": "requests_per_second", "allowed": 0.25}
    assert refused.value.retry_after == 4
    clock[0] = 4
    limiter.request(scope)


def test_bytes_are_paid_off_before_the_next_request():
    clock, scope = [0.0], a_scope(bytes_per_second=1_000)
    limiter = a_limiter(clock)

    limiter.request(scope)
    limiter.received(scope, 5_000)

    with pytest.raises(LimitReached) as refused:
        limiter.request(scope)
    assert (refused.value.extra["limit"], refused.value.retry_after) == ("bytes_per_second", 5)
    clock[0] = 4.1
    limiter.request(scope)


def test_keys_do_not_share_a_bucket():
    clock = [0.0]
    limiter = a_limiter(clock)
    limits = Limits(requests_per_second=1)
    limiter.request(Scope("key_1", "client", limits=limits))

    limiter.request(Scope("key_2", "client", limits=limits))


def test_a_changed_limit_is_in_force_with_the_next_request():
    clock = [0.0]
    limiter = a_limiter(clock)
    limiter.request(a_scope(requests_per_second=1))
    clock[0] = 1

    for _ in range(5):
        limiter.request(a_scope(bytes_per_second=10))
    limiter.request(a_scope(requests_per_second=2))
    limiter.request(a_scope(requests_per_second=2))

    with pytest.raises(LimitReached):
        limiter.request(a_scope(requests_per_second=2))
