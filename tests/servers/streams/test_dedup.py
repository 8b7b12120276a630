"""The same id is published once within its window."""

import asyncio

from tests.waiting import until

from adjudge.streams import Duplicate, Entry, Full, Streams

NAME = "ask:m@1"
KEY = "{ask:m@1}:standard"


def an_entry(body=b"a", *, dedup_id="one", max_length=100, name=NAME, **options):
    return Entry(name, "standard", body, max_length, dedup_id=dedup_id, **options)


async def test_the_second_of_an_id_is_answered_by_the_first_and_not_written(streams, redis):
    [first] = await streams.publish([an_entry()])

    answers = await streams.publish([an_entry(b"b"), an_entry(dedup_id="two"), an_entry(dedup_id="two")])

    assert answers == [Duplicate(first), answers[1], Duplicate(answers[1])]
    assert await redis.xlen(KEY) == 2


async def test_of_many_publishers_at_once_one_writes(streams, redis, redis_url):
    async with Streams(redis_url, rng=streams.rng) as other:
        answers = await asyncio.gather(*(each.publish([an_entry()]) for each in [streams, other] * 10))

    assert sorted(type(answer).__name__ for [answer] in answers) == ["Duplicate"] * 19 + ["str"]
    assert await redis.xlen(KEY) == 1


async def test_the_window_ends_by_the_servers_clock(streams, redis):
    await streams.publish([an_entry(dedup_seconds=0.05)])
    await until(lambda: redis.exists("{ask:m@1}:dedup/one"), lambda found: not found, seconds=5)

    [again] = await streams.publish([an_entry()])

    assert isinstance(again, str)


async def test_what_was_refused_may_be_published_again(streams, redis):
    [refused] = await streams.publish([an_entry(max_length=0)])

    [answer] = await streams.publish([an_entry()])

    assert (refused, type(answer)) == (Full(0), str)


async def test_another_name_has_ids_of_its_own(streams):
    answers = await streams.publish([an_entry(), an_entry(name="ask:other@1")])

    assert [type(answer) for answer in answers] == [str, str]


async def test_a_delayed_entry_is_remembered_by_its_token(streams):
    [first] = await streams.publish([an_entry(delay_seconds=60)])

    assert first.startswith("delayed/")
    assert await streams.publish([an_entry()]) == [Duplicate(first)]
