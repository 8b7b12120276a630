"""Turns: a burst waits outside, and nobody else for it."""

import asyncio
from contextlib import ExitStack

import pytest

from adjudge.engine.admission.turns import AT_WORK, LEAST_SHARE, TIMES_IN_BULK, TIMES_THE_OTHERS, WINDOW_SECONDS, Turns

NOW = 100.0


@pytest.fixture
def turns():
    return Turns()


async def begins(turns, location="store-1"):
    """Whether a question of this location may begin now: its task, which waits or has ended."""
    waiting = asyncio.create_task(turns.come(location))
    await asyncio.sleep(0)
    return waiting


def on_their_way(turns, location, count, *, now=NOW):
    """So many questions of a location, until it is left."""
    stack = ExitStack()
    for _ in range(count):
        turns.note(location, now)
        turns.begin(location)
        stack.callback(turns.end, location)
    return stack


async def test_one_location_alone_never_waits_for_a_turn(turns):
    with on_their_way(turns, "store-1", 10 * AT_WORK):
        assert (await begins(turns)).done()


async def test_who_has_a_share_on_the_way_waits_and_the_others_do_not(turns):
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", AT_WORK // 2 - 1):
        assert (await begins(turns)).done()
        with on_their_way(turns, "store-1", 1):
            waiting = await begins(turns)
            assert not waiting.done()
            assert (await begins(turns, "store-2")).done()
        await asyncio.wait_for(waiting, 1)


async def test_turns_come_in_the_order_of_the_line_and_nobody_slips_in_before_it(turns):
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", AT_WORK // 2):
        line = [await begins(turns) for _ in range(3)]
        turns.end("store-1")
        late = await begins(turns)
        assert [each.done() for each in (*line, late)] == [True, False, False, False]
        turns.begin("store-1")
    for each in (*line, late):
        await asyncio.wait_for(each, 1)


async def test_as_many_are_called_as_have_left_however_late_they_come(turns):
    """A flush answers all its rows at once, and nobody who was called has moved before the last is answered."""
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", AT_WORK // 2):
        line = [await begins(turns) for _ in range(10)]
        for _ in range(3):
            turns.end("store-1")
        late = await begins(turns)
        assert [each.done() for each in (*line, late)] == [True] * 3 + [False] * 8
        for _ in range(3):
            turns.begin("store-1")
    for each in (*line, late):
        await asyncio.wait_for(each, 1)


async def test_who_goes_is_not_called_and_a_turn_that_somebody_left_behind_goes_to_the_next(turns):
    """Of those called one is cancelled, one comes and is refused elsewhere: neither begins, so neither ends."""
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", AT_WORK // 2):
        gone, cancelled, refused, waiting = [await begins(turns) for _ in range(4)]
        gone.cancel()
        await asyncio.wait([gone])
        turns.end("store-1")
        cancelled.cancel()
        await asyncio.wait_for(refused, 1)
        assert cancelled.cancelled()

        await asyncio.wait_for(waiting, 1)
        turns.begin("store-1")


async def test_a_line_that_is_too_long_and_a_wait_that_is_too_long_do_not_come(turns, monkeypatch):
    monkeypatch.setattr("adjudge.engine.admission.turns.LONGEST_LINE", 1)
    monkeypatch.setattr("adjudge.engine.admission.turns.LONGEST_TURN_SECONDS", 0.01)
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", AT_WORK // 2):
        first = await begins(turns)
        assert not await turns.come("store-1")
        assert not await first


async def test_items_of_a_bulk_post_have_more_on_their_way_and_do_not_overtake_single_posts(turns):
    turns.note("store-2", NOW)
    with on_their_way(turns, "store-1", TIMES_IN_BULK * AT_WORK // 2 - 1) as on_the_way:
        assert await asyncio.wait_for(turns.come("store-1", TIMES_IN_BULK), 1)
        single = await begins(turns)
        item = asyncio.create_task(turns.come("store-1", TIMES_IN_BULK))
        await asyncio.sleep(0)
        assert [single.done(), item.done()] == [False, False]
        on_the_way.close()
    await asyncio.wait_for(asyncio.gather(single, item), 1)


async def test_among_many_each_location_may_always_have_a_few_on_their_way(turns):
    for n in range(1_000):
        turns.note(f"store-{n}", NOW)
    with on_their_way(turns, "store-1", LEAST_SHARE - 1):
        assert (await begins(turns)).done()


async def test_nobody_waits_for_a_turn_where_the_others_have_as_much_on_their_way(turns):
    with on_their_way(turns, "store-2", 3 * AT_WORK), on_their_way(turns, "store-3", AT_WORK):
        with on_their_way(turns, "store-1", TIMES_THE_OTHERS * 2 * AT_WORK - 1):
            assert (await begins(turns)).done()
        with on_their_way(turns, "store-1", TIMES_THE_OTHERS * 2 * AT_WORK):
            waiting = await begins(turns)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 1)


async def test_who_still_waits_for_the_database_has_a_turn_of_its_own(turns):
    with on_their_way(turns, "store-2", 1):
        with on_their_way(turns, "store-1", AT_WORK // 2, now=NOW + 5 * WINDOW_SECONDS):
            waiting = await begins(turns)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 1)
