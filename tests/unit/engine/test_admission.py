"""Admission: refused before anything is promised, and the greedy first."""

from contextlib import ExitStack

import pytest

from adjudge.engine.admission import (
    BOUND_SECONDS,
    CROWD,
    LEAST_RATE,
    LEAST_SHARE,
    LONGEST_QUEUE,
    MOST_OPEN,
    Admission,
    Overloaded,
)


class Queue:
    """As much of a flusher as admission looks at."""

    def __init__(self) -> None:
        self.size = 0

    def __len__(self) -> int:
        return self.size


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(queue, clock):
    return Admission(queue, monotonic=clock)


def ask(admission, location="store-1", lane="standard"):
    admission.enter(lane, location)
    admission.leave(location)


def test_a_quiet_system_takes_everything(admission):
    for _ in range(10_000):
        ask(admission)


def test_a_lane_beyond_its_bound_in_time_is_full(admission):
    admission.measured({"bulk": int(LEAST_RATE * BOUND_SECONDS["bulk"]) + 1}, 1.0)

    with pytest.raises(Overloaded, match="s behind") as refused:
        ask(admission, lane="bulk")

    assert 1 <= refused.value.retry_after <= 30
    ask(admission, lane="standard")


def test_how_fast_a_lane_drains_is_learnt_from_what_it_drained(admission):
    for _ in range(5_000):
        ask(admission)
    admission.measured({"standard": 1_000}, 1.0)

    assert admission.seconds_behind("standard") == pytest.approx(1_000 / 4_000)


def test_an_idle_lane_does_not_teach_that_it_is_slow(admission):
    for _ in range(5_000):
        ask(admission)
    admission.measured({"standard": 1_000}, 1.0)
    before = admission.seconds_behind("standard")
    admission.measured({"standard": 0}, 1.0)
    admission.measured({"standard": 1_000}, 1.0)

    assert admission.seconds_behind("standard") <= before * 2


def test_too_long_a_queue_for_the_database_refuses_all(admission, queue):
    queue.size = LONGEST_QUEUE + 1

    with pytest.raises(Overloaded):
        ask(admission)


def test_too_many_open_decisions_refuse_all(admission):
    admission.counted(MOST_OPEN + 1)

    with pytest.raises(Overloaded):
        ask(admission)


def test_one_location_alone_may_fill_the_crowd(admission):
    with on_their_way(admission, "store-1", 4 * CROWD):
        ask(admission, "store-1")


def test_in_a_crowd_who_takes_more_than_a_share_is_refused_and_the_others_are_not(admission, queue):
    queue.size = CROWD
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", CROWD // 2):
        with pytest.raises(Overloaded, match="share"):
            ask(admission, "store-1")
        ask(admission, "store-2")


def test_many_requests_on_their_way_are_no_crowd_while_the_database_keeps_up(admission):
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", 4 * CROWD):
        ask(admission, "store-1")


def test_among_many_each_location_may_always_have_a_few_on_their_way(admission, queue):
    queue.size = CROWD
    for n in range(1_000):
        ask(admission, f"store-{n}")
    with on_their_way(admission, "store-1", LEAST_SHARE - 1):
        ask(admission, "store-1")


def test_behind_but_not_full_the_shares_of_what_drains_count(admission):
    admission.measured({"standard": int(LEAST_RATE)}, 1.0)
    ask(admission, "store-2")
    for _ in range(int(LEAST_RATE) // 2):
        ask(admission, "store-1")

    with pytest.raises(Overloaded, match="share"):
        ask(admission, "store-1")
    ask(admission, "store-2")


def test_what_is_durable_is_no_longer_on_its_way(admission, queue):
    queue.size = CROWD
    with on_their_way(admission, "store-1", CROWD), on_their_way(admission, "store-2", 1):
        pass

    for _ in range(CROWD):
        ask(admission, "store-1")


def test_a_bulk_post_gets_all_of_its_page_alone_and_a_share_among_others(admission):
    assert admission.share(400) == 400

    ask(admission, "store-1")
    ask(admission, "store-2")

    assert admission.share(400) == CROWD // 2


def on_their_way(admission, location, count):
    stack = ExitStack()
    for _ in range(count):
        admission.enter("standard", location)
        stack.callback(admission.leave, location)
    return stack
