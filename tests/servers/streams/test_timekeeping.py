"""Periodic messages on a real server: once each, whoever lives."""

import asyncio
import random

import msgspec
import pytest
from tests.waiting import until

from adjudge.streams import Observer, Streams, Subscription
from adjudge.streams.consuming.timekeeping import LEASE_SECONDS, Timekeeper
from adjudge.streams.schedules import Every, Missed, Schedule, Tick
from adjudge.streams.ticking import Ticking

NAME, LANE = "clock", "{clock}:standard"
BEAT = Schedule(id="beat", lane="standard", when=Every(0.1), missed=Missed.ALL)


def a_subscription(handler, *schedules):
    return Subscription(name=NAME, lanes={"standard": 1}, handler=handler, schedules=schedules)


def times(bodies):
    return [round(msgspec.json.decode(body, type=Tick).at * 1000) for body in bodies]


async def test_two_workers_publish_every_tick_once(streams, working, inbox):
    async with working(a_subscription(inbox, BEAT)), working(a_subscription(inbox, BEAT)):
        await inbox.until(12)

    found = times(inbox.bodies)
    assert sorted(found) == list(range(min(found), max(found) + 1, 100))


async def test_a_worker_that_leaves_hands_over_without_a_gap(streams, working, inbox):
    async with working(a_subscription(inbox, BEAT)):
        await inbox.until(3)
    async with working(a_subscription(inbox, BEAT)), asyncio.timeout(LEASE_SECONDS / 2):
        await inbox.until(8)

    found = times(inbox.bodies)
    assert sorted(found) == list(range(min(found), max(found) + 1, 100))


async def test_a_dead_timekeeper_is_followed_within_its_lease(streams, redis, working, inbox):
    """It died: its lease stands, and nobody extends it. What it missed comes by policy."""
    dead = streams.ticking(NAME, "dead", LEASE_SECONDS)
    assert (await dead.keep({"beat": -1})).is_ours
    died_at = asyncio.get_running_loop().time()

    async with working(a_subscription(inbox, BEAT)):
        await inbox.until(1)
        took = asyncio.get_running_loop().time() - died_at
        await inbox.until(5)

    assert LEASE_SECONDS - 0.5 < took < LEASE_SECONDS + LEASE_SECONDS / 5 + 0.5
    found = times(inbox.bodies)
    assert found == list(range(min(found), max(found) + 1, 100))


async def test_one_that_slept_longer_than_its_lease_cannot_tick_again(streams, redis):
    sleeper, follower = streams.ticking(NAME, "sleeper", 0.05), streams.ticking(NAME, "follower", 60)
    before = await sleeper.keep({"beat": -1})
    await until(lambda: follower.keep({"beat": -1}), lambda found: found.is_ours, seconds=5)
    last = before.lasts["beat"]
    assert not await sleeper.tick("beat", "standard", last, last + 100, [b"tick"], 10), "it is not its turn"
    assert await follower.tick("beat", "standard", last, last + 100, [b"tick"], 10)

    assert not await sleeper.tick("beat", "standard", last, last + 100, [b"tick"], 10)
    assert await redis.xlen(LANE) == 1


async def test_a_tick_whose_answer_was_lost_is_not_published_again(streams, redis):
    ticking = streams.ticking(NAME, "me", 60)
    last = (await ticking.keep({"beat": -1})).lasts["beat"]

    answers = [await ticking.tick("beat", "standard", last, last + 100, [b"tick"], 10) for _ in range(2)]

    assert answers == [True, False]
    assert await redis.xlen(LANE) == 1


async def test_a_tick_waits_while_its_lane_is_full(streams, redis):
    ticking = streams.ticking(NAME, "me", 60)
    last = (await ticking.keep({"beat": -1})).lasts["beat"]
    await redis.xadd(LANE, {"b": "x"})

    assert not await ticking.tick("beat", "standard", last, last + 100, [b"tick"], 1)
    assert (await ticking.keep({"beat": -1})).lasts["beat"] == last


async def test_a_new_schedule_begins_now_and_a_flushed_one_where_it_was(streams, redis):
    ticking = streams.ticking(NAME, "me", 60)
    watch = await ticking.keep({"beat": -1})
    assert watch.lasts["beat"] == watch.now_ms

    await redis.flushall()

    assert (await ticking.keep({"beat": watch.lasts["beat"] - 500})).lasts["beat"] == watch.lasts["beat"] - 500


async def test_ticks_wait_while_their_lane_is_paused(streams, redis, working, inbox):
    await streams.pauses.pause(NAME, None, "")
    async with working(a_subscription(inbox, Schedule(id="beat", lane="standard", when=Every(0.1)))):
        await until(lambda: redis.exists("{clock}:timekeeper"), seconds=5)
        await asyncio.sleep(0.4)  # that nothing is published has no event
        assert await redis.xlen(LANE) == 0

        await streams.pauses.resume(NAME, None)
        await inbox.until(2)


async def test_the_broker_is_away_for_a_while(streams):
    """The timekeeper goes on by itself, and says that it could not."""

    class Ear(Observer):
        def __init__(self):
            self.heard = asyncio.Event()

        def disconnected(self, name, error):
            self.heard.set()

    ear, stop = Ear(), asyncio.Event()
    async with Streams("redis://127.0.0.1:1", rng=random.Random(1), timeout_seconds=0.2) as nowhere:
        timekeeper = Timekeeper(
            NAME, [BEAT], ticking=nowhere.ticking(NAME, "me", 5), observer=ear, rng=random.Random(1)
        )
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(timekeeper.run(stop))
            await ear.heard.wait()
            stop.set()


def test_two_schedules_of_one_id_are_refused():
    with pytest.raises(ValueError, match="same id"):
        asyncio.run(_two_of_one_id())


async def _two_of_one_id():
    Timekeeper(NAME, [BEAT, BEAT], ticking=Ticking(None, NAME, "me", 1), observer=Observer(), rng=random.Random(1))
