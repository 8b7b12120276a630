"""What is computed aside gives way: to the loop of its own process, and to every other process."""

import asyncio
import os
import sys
import threading

import pytest

from adjudge.engine.aside import NICENESS, SWITCH_SECONDS, aside


async def test_work_gets_its_arguments_and_returns_its_result() -> None:
    assert await aside(divmod, 7, 3) == (2, 1)
    assert await aside(int, "11", base=2) == 3


async def test_work_that_fails_raises_here() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(divmod, 7, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux schedules threads singly")
async def test_only_the_thread_aside_is_less_urgent_and_no_later_thread_inherits_it() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    assert await aside(niceness) == min(before + NICENESS, 19)
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
        long = group.create_task(aside(computing))
        await begun.wait()
        assert await aside(sys.getswitchinterval) == pytest.approx(SWITCH_SECONDS)
        ended.set()
    assert long.result() == pytest.approx(SWITCH_SECONDS), "a shorter computation beside it does not end it"
    assert sys.getswitchinterval() == pytest.approx(usual)
