import asyncio
import random

import pytest

from adjudge.streams import Entry, Full, LaneDepth, Streams, Subscription, Unavailable

NAME = "ask:m@1"


def entries(count, *, lane="standard", name=NAME, max_length=1000):
    return [Entry(name, lane, b"%d" % i, max_length) for i in range(count)]


async def test_each_entry_is_answered_in_its_place_by_the_id_under_which_it_arrives(streams, working, inbox):
    mixed = [*entries(2), *entries(1, lane="bulk"), *entries(2)]

    answers = await streams.publish(mixed)

    async with working(Subscription(name=NAME, lanes={"standard": 1, "bulk": 1}, handler=inbox)):
        arrived = await inbox.until(5)
    got = {(m.lane, m.id): m.body for m in arrived}
    assert got == {(entry.lane, answer): entry.body for entry, answer in zip(mixed, answers, strict=True)}


async def test_a_full_lane_says_so_and_drops_nothing(streams, redis):
    answers = await streams.publish(entries(5, max_length=3))

    assert [type(answer) for answer in answers] == [str, str, str, Full, Full]
    assert answers[3] == Full(3)
    assert [fields[b"b"] for _, fields in await redis.xrange("{ask:m@1}:standard")] == [b"0", b"1", b"2"]


async def test_many_producers_together_keep_the_bound(streams, redis, redis_url):
    async with Streams(redis_url, rng=random.Random(2)) as other:
        await asyncio.gather(*(each.publish(entries(7, max_length=50)) for each in [streams, other] * 10))

    assert await redis.xlen("{ask:m@1}:standard") == 50


async def test_what_is_in_work_counts_towards_the_bound(streams, working, inbox):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    async with working(Subscription(name=NAME, lanes={"standard": 1}, handler=inbox)):
        await streams.publish(entries(2))
        await inbox.until(2)

        [answer] = await streams.publish(entries(1, max_length=2))

        release.set()
    assert answer == Full(2)


async def test_a_broker_that_is_away_is_an_answer_for_each_entry():
    async with Streams("redis://127.0.0.1:1", rng=random.Random(1)) as streams:
        answers = await streams.publish(entries(3))

        assert [type(answer) for answer in answers] == [Unavailable] * 3
        assert (await streams.epoch(), await streams.ping(), await streams.hint("x", b"")) == (None, False, False)


async def test_not_knowing_the_oldest_is_not_the_same_as_there_being_none():
    """Else a broker that is away would look like one that has lost everything."""
    async with Streams("redis://127.0.0.1:1", rng=random.Random(1)) as streams:
        with pytest.raises(Unavailable):
            await streams.oldest(NAME, ["standard"])
        with pytest.raises(Unavailable):
            await streams.depth(NAME, ["standard"])


async def test_what_the_server_refuses_for_one_stream_does_not_touch_the_others(streams, redis):
    await redis.set("{ask:m@1}:standard", "not a stream")

    answers = await streams.publish([*entries(1), *entries(1, lane="bulk")])

    assert [type(answer) for answer in answers] == [Unavailable, str]


async def test_a_connection_cut_by_the_server_is_no_reason_to_fail(streams, redis):
    await streams.publish(entries(1))
    await redis.client_kill_filter(_type="normal", skipme=True)
    await redis.ping()

    [answer] = await streams.publish(entries(1))

    assert isinstance(answer, str)


async def test_flushed_scripts_are_loaded_again(streams, redis):
    await streams.publish(entries(1))
    await redis.script_flush()

    answers = await streams.publish([*entries(2), *entries(1, lane="bulk")])

    assert all(isinstance(answer, str) for answer in answers)


async def test_the_epoch_is_the_same_for_all_until_the_data_are_lost(streams, redis, redis_url):
    async with Streams(redis_url, rng=random.Random(2)) as other:
        first = await streams.epoch()
        assert first == await streams.epoch() == await other.epoch()

        await redis.flushall()

        assert await other.epoch() == await streams.epoch() != first


async def test_depth_tells_unread_from_taken(streams, redis):
    await streams.publish(entries(3))
    await redis.xgroup_create("{ask:m@1}:standard", "adjudge", "0")
    await redis.xreadgroup("adjudge", "someone", {"{ask:m@1}:standard": ">"}, count=2)

    depth = await streams.depth(NAME, ["standard", "bulk"])

    measured = depth.lanes["standard"]
    assert (measured.length, measured.lag, measured.pending) == (3, 1, 2)
    assert 0 <= measured.oldest_seconds < 10
    assert depth.lanes["bulk"] == LaneDepth(0, 0, 0, None)
    assert (depth.delayed, depth.dead) == (0, 0)


async def test_the_oldest_is_none_only_when_nothing_is_unfinished(streams, redis):
    assert await streams.oldest(NAME, ["standard", "bulk"]) is None

    [bulk] = await streams.publish(entries(1, lane="bulk"))
    await streams.publish(entries(1))

    assert await streams.oldest(NAME, ["standard", "bulk"]) == int(bulk.split("-")[0]) / 1000
