"""What a test waits with."""

import asyncio

import pytest
from tests.waiting import until


async def test_a_wait_ends_with_what_fits():
    seen = iter([0, 1, 2, 3])

    assert await until(lambda: next(seen), lambda number: number > 1) == 2


async def test_a_wait_in_vain_says_what_was_seen_last():
    with pytest.raises(AssertionError, match=r"not within 0\.05 s; what was seen last: 'open'"):
        await until(lambda: asyncio.sleep(0, "open"), lambda status: status == "final", seconds=0.05)


async def test_a_time_out_of_what_is_looked_at_is_its_own():
    async def look():
        raise TimeoutError("the database does not answer")

    with pytest.raises(TimeoutError, match="the database does not answer"):
        await until(look)
