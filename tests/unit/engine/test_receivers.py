"""When a delivery is tried again, and how a failing receiver is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from adjudge.engine.webhooks.receivers import (
    AT_ONCE,
    FAILURES,
    GIVE_UP,
    IN_HAND,
    LONGEST_RETRY_AFTER,
    LONGEST_SHUT_SECONDS,
    PAUSES,
    Answered,
    Line,
    pause_after,
)
from adjudge.store.webhooks.endpoints import Receiver

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def a_line(*, is_failing: bool = False) -> Line:
    return Line(Receiver(id="wh_1", url="http://example.com", secrets=(bytes(32),), is_failing=is_failing))


def fails(line: Line, times: int, now: float = 0.0, asked_to_wait: float = 0.0) -> list[bool]:
    return [line.failed(now, 1.0, asked_to_wait) for _ in range(times)]


def test_attempts_go_on_for_days_and_end():
    age, failures, waited = timedelta(), 0, []
    while (pause := pause_after(failures := failures + 1, age, 0.5)) is not None:
        waited.append(pause.total_seconds())
        age += pause

    assert waited == list(PAUSES)
    assert timedelta(days=3) < age < GIVE_UP


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.8), (1.0, 1.2)])
def test_attempts_are_spread_by_chance(chance, share):
    assert pause_after(1, timedelta(), chance) == timedelta(seconds=PAUSES[0] * share)


def test_many_failures_within_hours_give_nothing_up():
    """A receiver that comes and goes fails often."""
    assert pause_after(500, timedelta(hours=20), 0.5) is not None


def test_a_receiver_is_left_alone_after_failures_in_a_row_and_no_sooner():
    line = a_line()

    assert fails(line, FAILURES - 1) == [False] * (FAILURES - 1)
    assert line.room(0) == IN_HAND
    assert fails(line, 1) == [True]
    assert line.room(0) == 0


def test_failures_that_were_under_way_do_not_lengthen_the_pause():
    line = a_line()
    fails(line, FAILURES)

    assert fails(line, AT_ONCE) == [False] * AT_ONCE
    assert line.is_shut(0.9)
    assert not line.is_shut(1.0)


def test_one_delivery_finds_out_whether_the_receiver_is_back():
    line = a_line()
    fails(line, FAILURES)

    assert line.room(1.0) == 1
    line.in_hand = 1
    assert line.room(1.0) == 0


def test_pauses_double_up_to_a_minute():
    line, now, pauses = a_line(), 0.0, []
    fails(line, FAILURES - 1)
    for _ in range(9):
        line.failed(now, 1.0, 0.0)
        began = now
        while line.is_shut(now):
            now += 0.5
        pauses.append(now - began)

    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LONGEST_SHUT_SECONDS


def test_one_success_opens_the_line_and_says_that_the_receiver_is_back():
    line = a_line()
    fails(line, FAILURES)

    assert line.succeeded()
    assert line.room(0) == IN_HAND
    assert not line.succeeded()


def test_what_another_process_has_found_failing_is_back_with_the_first_success():
    line = a_line(is_failing=True)

    assert line.succeeded()
    assert not line.succeeded()


def test_a_receiver_that_asks_for_a_pause_gets_it_at_once_and_within_reason():
    line = a_line()
    asked = Answered(429, None, 0.1, retry_after=10 * LONGEST_RETRY_AFTER).asked_to_wait

    assert fails(line, 1, asked_to_wait=asked) == [True]
    assert line.is_shut(LONGEST_RETRY_AFTER - 1)
    assert not line.is_shut(LONGEST_RETRY_AFTER)


def test_a_line_takes_a_batch_when_half_of_the_last_is_done():
    line = a_line()
    line.in_hand = IN_HAND // 2 + 1

    assert line.room(0) == 0
    line.in_hand -= 1
    assert line.room(0) == IN_HAND // 2


def test_a_receiver_that_refuses_every_message_is_told_of_and_still_tried():
    """A mistyped path answers 404 to all: that is not well, though no message says that the next one fails."""
    line = a_line()

    assert [line.refused("answered 404") for _ in range(FAILURES + 2)] == [False] * (FAILURES - 1) + [
        True,
        False,
        False,
    ]
    assert line.refused("answered 401")
    assert line.room(0) == IN_HAND
    assert line.succeeded()
    assert not line.refused("answered 404")


def test_what_is_told_of_a_receiver_is_what_it_said_last():
    line = a_line()

    fails(line, FAILURES)
    assert line.refused("answered 404")
    assert not line.refused("answered 404")

    fails(line, 1, now=LONGEST_SHUT_SECONDS)
    assert line.refused("answered 404")


@pytest.mark.parametrize("status", [None, 301, 408, 429, 500, 503])
def test_these_are_the_receiver_s_fault(status):
    assert Answered(status, None, 0.1).is_receivers_fault


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_these_are_about_one_message(status):
    assert not Answered(status, None, 0.1).is_receivers_fault
