"""Orders not to read, on a real server."""

import asyncio

import pytest
from tests.waiting import until

from adjudge.streams import Entry, Subscription
from adjudge.streams.pauses import Pauses

NAME = "mail"


def a_subscription(handler, **options):
    return Subscription(**{"name": NAME, "lanes": {"standard": 2, "bulk": 1}, "handler": handler, **options})


async def publish(streams, *bodies, lane="standard"):
    return await streams.publish([Entry(NAME, lane, body, 10_000) for body in bodies])


async def unread(streams, lane="standard"):
    return (await streams.depth(NAME, [lane])).lanes[lane].lag


async def test_reading_stops_within_a_second_and_goes_on_after(streams, working, inbox, seen):
    async with working(a_subscription(inbox), observer=seen):
        await publish(streams, b"before")
        await inbox.until(1)

        await streams.pauses.pause(NAME, None, "the model is being replaced")
        async with asyncio.timeout(1.0):
            await seen.until("paused")
        await asyncio.sleep(0.5)  # a read that was under way may still bring something
        await publish(streams, b"meanwhile")
        await asyncio.sleep(1.0)  # that nothing is read has no event

        assert inbox.bodies == [b"before"]
        assert await unread(streams) == 1

        await streams.pauses.resume(NAME, None)
        async with asyncio.timeout(1.5):
            await inbox.until(2)


async def test_a_worker_that_starts_during_a_pause_reads_nothing(streams, working, inbox, seen, monkeypatch):
    """Not even before it has been told."""
    ask = Pauses.of

    async def slow(*arguments):
        await asyncio.sleep(0.3)
        return await ask(*arguments)

    monkeypatch.setattr(Pauses, "of", slow)
    await publish(streams, b"a")
    await streams.pauses.pause(NAME, None, "")

    async with working(a_subscription(inbox), observer=seen):
        await seen.until("paused")
        await asyncio.sleep(0.5)

        assert inbox.bodies == []

    assert await unread(streams) == 1


async def test_a_paused_lane_leaves_the_others_running(streams, working, inbox):
    await streams.pauses.pause(NAME, "bulk", "")
    async with working(a_subscription(inbox)):
        await publish(streams, b"bulk", lane="bulk")
        await publish(streams, b"standard")
        await inbox.until(1)

        assert inbox.bodies == [b"standard"]
        assert await unread(streams, "bulk") == 1


async def test_a_pause_leaves_the_messages_of_the_dead_where_they_are(streams, redis, working, inbox, seen):
    await redis.xgroup_create("{mail}:standard", "adjudge", "0", mkstream=True)
    await publish(streams, b"held")
    await redis.xreadgroup("adjudge", "dead", {"{mail}:standard": ">"})
    await streams.pauses.pause(NAME, "standard", "")

    async with working(a_subscription(inbox, lease_seconds=0.1), observer=seen):
        await seen.until("paused")
        await asyncio.sleep(0.5)
        assert seen.counts["reclaimed"] == 0

        await streams.pauses.resume(NAME, "standard")
        await inbox.until(1)


async def test_orders_say_what_and_why_and_are_lifted_together(streams):
    assert await streams.pauses.pause(NAME, "bulk", "too dear at night")
    assert await streams.pauses.pause(NAME, None, "the model = broken")
    assert not await streams.pauses.pause(NAME, None, "still broken")

    found = {pause.lane: pause.reason for pause in (await streams.pauses.of([NAME, "other"]))[NAME]}
    assert found == {"bulk": "too dear at night", None: "still broken"}

    assert await streams.pauses.resume(NAME, None)
    assert not await streams.pauses.resume(NAME, None)
    assert (await streams.pauses.of([NAME]))[NAME] == []


async def test_a_lane_of_no_legal_name_cannot_be_paused(streams):
    with pytest.raises(ValueError, match="cannot name a lane"):
        await streams.pauses.pause(NAME, "delayed", "")


async def test_a_flush_lifts_a_pause(streams, redis, working, inbox, seen):
    await streams.pauses.pause(NAME, None, "")
    async with working(a_subscription(inbox), observer=seen):
        await seen.until("paused")
        await redis.flushall()

        await seen.until("paused", 2)
        await publish(streams, b"a")
        await inbox.until(1)


async def test_workers_write_down_their_lanes(streams, working, inbox, seen):
    async with working(a_subscription(inbox), observer=seen):
        found = await until(streams.registry.lanes, seconds=5)

    assert found == {NAME: ["bulk", "standard"]}
