"""What is computed aside gives way: to the loop of its own process, and to every other process."""

import asyncio
import os
import sys
import threading

import pytest

from adjudge.config.documents.pausing import Pause
from adjudge.engine.giving_way import (
    NICENESS,
    PAUSE_SECONDS,
    PAUSED_SECONDS,
    SLICE_SECONDS,
    SWITCH_SECONDS,
    NotWanted,
    Pace,
    giving_way,
    sparingly,
)


async def test_work_gets_its_arguments_and_returns_its_result() -> None:
    assert await giving_way(divmod, 7, 3) == (2, 1)
    assert await giving_way(int, "11", base=2) == 3


async def test_work_that_fails_raises_here() -> None:
    with pytest.raises(ZeroDivisionError):
        await giving_way(divmod, 7, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux schedules threads singly")
async def test_only_the_thread_aside_is_less_urgent_and_no_later_thread_inherits_it() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    assert await giving_way(niceness) == min(before + NICENESS, 19)
    assert niceness() == before
    assert await asyncio.to_thread(niceness) == before


async def test_the_loop_gets_the_interpreter_soon_for_as_long_as_something_is_computed() -> None:
    usual = sys.getswitchinterval()
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def computing() -> float:
        loop.call_soon_threadsafe(begun.set)
        assert ended.wait(10)
        return sys.getswitchinterval()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        long = group.create_task(giving_way(computing))
        await begun.wait()
        assert await giving_way(sys.getswitchinterval) == pytest.approx(SWITCH_SECONDS)
        ended.set()
    assert long.result() == pytest.approx(SWITCH_SECONDS), "a shorter computation beside it does not end it"
    assert sys.getswitchinterval() == pytest.approx(usual)


class Clock:
    """Time that passes when somebody works or waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False

    def work(self, seconds: float, pause: Pace, step: float = SLICE_SECONDS / 4) -> None:
        for _ in range(round(seconds / step)):
            self.now += step
            pause()


def test_work_in_slices_takes_a_quarter_of_a_core() -> None:
    clock = Clock()

    clock.work(0.1, Pace(clock.wait, clock=clock))

    assert 0.1 / clock.now == pytest.approx(0.25, abs=0.03)
    assert max(clock.waits) == PAUSE_SECONDS


def test_a_step_within_its_slice_does_not_pause() -> None:
    clock = Clock()

    clock.work(SLICE_SECONDS / 2, Pace(clock.wait, clock=clock))

    assert not clock.waits


def test_pauses_delay_nothing_by_more_than_their_bound() -> None:
    """A fleet that takes seconds to compile would be late for good."""
    clock = Clock()

    clock.work(3.0, Pace(clock.wait, clock=clock))

    assert clock.now == pytest.approx(3.0 + PAUSED_SECONDS, rel=0.01)


async def test_what_is_computed_sparingly_is_given_pauses_and_returned() -> None:
    async with asyncio.timeout(10):
        assert await sparingly(lambda pause: [pause() for _ in range(3)]) == [None] * 3


async def test_work_that_nobody_waits_for_ends_at_its_next_pause() -> None:
    """A process that stops does not compile to the end."""
    begun, ended, over = asyncio.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def endless(pause: Pause) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while not over.is_set():
                pause()
        except NotWanted:
            loop.call_soon_threadsafe(ended.set)
            raise

    async with asyncio.timeout(10):
        working = asyncio.create_task(sparingly(endless))
        await begun.wait()
        working.cancel()
        try:
            await ended.wait()
        finally:
            over.set()
    with pytest.raises(asyncio.CancelledError):
        await working
