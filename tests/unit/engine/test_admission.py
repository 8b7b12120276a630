"""Admission: refused before anything is promised, and the greedy first."""

import asyncio
from contextlib import ExitStack

import pytest

from adjudge.engine.admission import (
    AT_WORK,
    BOUND_SECONDS,
    LEAST_RATE,
    LEAST_SHARE,
    LONGEST_QUEUE,
    MOST_OPEN,
    PRESSING_QUEUE,
    WINDOW_SECONDS,
    Admission,
    Overloaded,
)
from adjudge.telemetry import names


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

    assert admission.seconds_behind("standard") == before


def test_what_is_learnt_is_the_mean_of_what_was_known_and_what_was_seen(admission):
    for asked in (5_000, 2_000):  # 4,000 drained in one second, 2,000 in the next
        for _ in range(asked):
            ask(admission)
        admission.measured({"standard": 1_000}, 1.0)

    assert admission.seconds_behind("standard") == pytest.approx(1_000 / 3_000)


def test_a_lane_with_little_to_do_is_trusted_with_the_least_rate(admission):
    for _ in range(10):
        ask(admission)
    admission.measured({"standard": 5}, 1.0)

    assert admission.seconds_behind("standard") == 5 / LEAST_RATE


def test_bulk_is_shed_before_standard(admission):
    behind = int(LEAST_RATE * 45)
    admission.measured({"bulk": behind, "standard": behind}, 1.0)

    with pytest.raises(Overloaded, match="lane bulk"):
        ask(admission, lane="bulk")
    ask(admission, lane="standard")


def test_whoever_is_refused_is_told_to_come_back_within_half_a_minute_and_is_counted(admission, queue):
    refused = names.SHED.labels("bulk", "full")._value.get()
    hints = []
    for unread in (0, int(LEAST_RATE * 600)):
        queue.size = LONGEST_QUEUE + 1
        admission.measured({"bulk": unread}, 1.0)
        with pytest.raises(Overloaded) as told:
            ask(admission, lane="bulk")
        hints.append(told.value.retry_after)

    assert hints == [1, 30]
    assert names.SHED.labels("bulk", "full")._value.get() == refused + 2


def test_too_long_a_queue_for_the_database_refuses_all(admission, queue):
    queue.size = LONGEST_QUEUE + 1

    with pytest.raises(Overloaded):
        ask(admission)


def test_too_many_open_decisions_refuse_all(admission):
    admission.counted(MOST_OPEN + 1)

    with pytest.raises(Overloaded):
        ask(admission)


async def begins(admission, location="store-1"):
    """Whether a question of this location may begin now: its task, which waits or has ended."""
    waiting = asyncio.create_task(admission.turn("standard", location))
    await asyncio.sleep(0)
    return waiting


async def test_one_location_alone_never_waits_for_a_turn(admission):
    with on_their_way(admission, "store-1", 10 * AT_WORK):
        assert (await begins(admission)).done()


async def test_who_has_a_share_on_the_way_waits_and_the_others_do_not(admission):
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", AT_WORK // 2 - 1):
        assert (await begins(admission)).done()
        with on_their_way(admission, "store-1", 1):
            waiting = await begins(admission)
            assert not waiting.done()
            assert (await begins(admission, "store-2")).done()
        await asyncio.wait_for(waiting, 1)


async def test_turns_come_in_the_order_of_the_line_and_nobody_slips_in_before_it(admission):
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", AT_WORK // 2):
        line = [await begins(admission) for _ in range(3)]
        admission.leave("store-1")
        late = await begins(admission)
        assert [each.done() for each in (*line, late)] == [True, False, False, False]
        admission.enter("standard", "store-1")
    for each in (*line, late):
        await asyncio.wait_for(each, 1)


async def test_a_turn_that_somebody_left_behind_goes_to_the_next(admission):
    """The one who was called was cancelled, or refused, and will never leave."""
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", AT_WORK // 2):
        gone, waiting = await begins(admission), await begins(admission)
        gone.cancel()
        await asyncio.wait([gone])
        admission.leave("store-1")
        await asyncio.wait_for(waiting, 1)
        left = await begins(admission)
        admission.measured({}, 1.0)
        await asyncio.wait_for(left, 1)
        admission.enter("standard", "store-1")


async def test_a_line_that_is_too_long_and_a_wait_that_is_too_long_are_refused(admission, monkeypatch):
    monkeypatch.setattr("adjudge.engine.admission.LONGEST_LINE", 1)
    monkeypatch.setattr("adjudge.engine.admission.LONGEST_TURN_SECONDS", 0.01)
    ask(admission, "store-2")
    with on_their_way(admission, "store-1", AT_WORK // 2):
        first = await begins(admission)
        with pytest.raises(Overloaded, match="share"):
            await admission.turn("standard", "store-1")
        with pytest.raises(Overloaded, match="share"):
            await first


async def test_among_many_each_location_may_always_have_a_few_on_their_way(admission):
    for n in range(1_000):
        ask(admission, f"store-{n}")
    with on_their_way(admission, "store-1", LEAST_SHARE - 1):
        assert (await begins(admission)).done()


def test_behind_but_not_full_the_shares_of_what_drains_count(admission):
    admission.measured({"standard": int(LEAST_RATE)}, 1.0)
    ask(admission, "store-2")
    for _ in range(int(LEAST_RATE) // 2):
        ask(admission, "store-1")

    with pytest.raises(Overloaded, match="share"):
        ask(admission, "store-1")
    ask(admission, "store-2")


def test_a_share_is_for_a_second_and_among_those_who_asked_in_it_or_the_one_before(admission, clock):
    admission.measured({"standard": int(LEAST_RATE)}, 1.0)
    ask(admission, "store-2")
    for _ in range(2):  # store-2 asks in the first second only
        for _ in range(int(LEAST_RATE) // 2):
            ask(admission, "store-1")
        with pytest.raises(Overloaded, match="share"):
            ask(admission, "store-1")
        clock.now += WINDOW_SECONDS

    for _ in range(int(LEAST_RATE)):
        ask(admission, "store-1")


def test_who_was_silent_for_long_has_no_share(admission, clock):
    admission.measured({"standard": int(LEAST_RATE)}, 1.0)
    ask(admission, "store-2")
    clock.now += 5 * WINDOW_SECONDS

    for _ in range(int(LEAST_RATE)):
        ask(admission, "store-1")


def test_who_still_waits_for_the_database_has_a_share(admission, clock):
    admission.measured({"standard": int(LEAST_RATE)}, 1.0)
    with on_their_way(admission, "store-2", 1):
        clock.now += 5 * WINDOW_SECONDS
        for _ in range(int(LEAST_RATE) // 2):
            ask(admission, "store-1")

        with pytest.raises(Overloaded, match="share"):
            ask(admission, "store-1")


def on_their_way(admission, location, count):
    stack = ExitStack()
    for _ in range(count):
        admission.enter("standard", location)
        stack.callback(admission.leave, location)
    return stack


def test_what_can_be_dropped_is_dropped_long_before_anything_is_refused(admission, queue):
    """Promise 6: shadows go first."""
    assert not admission.is_pressed()

    admission.measured({"standard": round(LEAST_RATE)}, 1.0)
    assert admission.is_pressed()
    admission.enter("standard", "store-001")

    admission.measured({"standard": 0}, 1.0)
    assert not admission.is_pressed()
    queue.size = PRESSING_QUEUE + 1
    assert admission.is_pressed()
    admission.enter("standard", "store-001")
