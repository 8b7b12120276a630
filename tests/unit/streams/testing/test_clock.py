import asyncio

import pytest

from adjudge.streams.testing import Deadlock, Process
from adjudge.streams.testing.clock import run


def test_time_jumps_to_the_next_timer():
    async def story():
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert run(story) == pytest.approx(86_400)


def test_a_wait_that_nothing_ends_is_told_instead_of_hanging():
    with pytest.raises(Deadlock):
        run(lambda: asyncio.Event().wait())


def order_of(seed):
    seen = []

    async def note(number):
        for _ in range(3):
            seen.append(number)
            await asyncio.sleep(0)

    async def story():
        await asyncio.gather(*map(note, range(4)))

    run(story, seed)
    return seen


def test_a_seed_is_one_order_and_seeds_are_many():
    assert order_of(None) == [*range(4)] * 3
    assert order_of(7) == order_of(7)
    assert len({tuple(order_of(seed)) for seed in range(20)}) > 15


async def ticking(seen):
    try:
        while True:
            await asyncio.sleep(1)
            seen.append(asyncio.get_running_loop().time())
    finally:
        seen.append("cleaned up")


def test_a_frozen_process_goes_on_late_and_a_killed_one_not_even_cleans_up():
    process, seen = Process("p"), []

    async def story():
        loop = asyncio.get_running_loop()
        with process.running():
            asyncio.create_task(ticking(seen))  # noqa: RUF006
        await asyncio.sleep(1.5)
        loop.freeze(process)
        await asyncio.sleep(5)
        loop.thaw(process)
        await asyncio.sleep(0.5)
        loop.kill(process)
        await asyncio.sleep(100)
        return list(seen)

    assert run(story) == pytest.approx([1, 6.5])
