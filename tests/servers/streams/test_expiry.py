"""Deadlines and ages, by the server's clock."""

import asyncio

from adjudge.streams import Entry, KeyRules, Retries, RetryLater, Subscription

NAME = "ask:m@1"


def a_subscription(handler, **options):
    return Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": handler, **options})


def an_entry(body, **options):
    return Entry(NAME, "standard", body, 1000, **options)


async def now_of(redis):
    seconds, micros = await redis.time()
    return seconds + micros / 1e6


async def test_what_expired_before_it_was_read_is_not_run_and_says_so(streams, redis, working, inbox, seen):
    now = await now_of(redis)
    await streams.publish([an_entry(b"late", expires_at=now - 1), an_entry(b"timely", expires_at=now + 60)])

    async with working(a_subscription(inbox), observer=seen):
        [(_, message)] = await seen.until("expired")
        await inbox.until(1)

    assert (message.body, inbox.bodies) == (b"late", [b"timely"])
    assert await streams.oldest(NAME, ["standard"]) is None


async def test_what_expires_while_it_waits_for_its_key_frees_the_slot(streams, redis, working, inbox, seen):
    now = await now_of(redis)
    entries = [an_entry(b"%d" % i, key="k", expires_at=now - 1 if i in (1, 2) else now + 60) for i in range(4)]
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await streams.publish(entries)
        await inbox.until(2)

    assert inbox.bodies == [b"0", b"3"]
    assert seen.counts["expired"] == 2


async def test_a_delayed_entry_can_expire_before_it_is_due(streams, redis, working, inbox, seen):
    now = await now_of(redis)
    async with working(a_subscription(inbox), observer=seen):
        await streams.publish([an_entry(b"a", delay_seconds=0.05, expires_at=now)])
        await seen.until("expired")

    assert inbox.batches == []


async def test_no_retry_is_scheduled_beyond_the_deadline(streams, redis, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: RetryLater(30) for m in messages}
    async with working(a_subscription(inbox), observer=seen):
        await streams.publish([an_entry(b"a", expires_at=await now_of(redis) + 10)])
        await seen.until("dead")

    assert seen.counts["failed"] == 0
    assert [letter.body for letter in await streams.dead_letters.page(NAME)] == [b"a"]


async def test_no_retry_is_scheduled_beyond_the_age_limit(streams, working, inbox, seen):
    retries = Retries(limit=10_000, base_seconds=0.02, cap_seconds=0.02, max_age_seconds=0.3)
    inbox.answer = lambda messages: {m.id: ValueError("still") for m in messages}
    async with working(a_subscription(inbox, retries=retries), observer=seen), asyncio.timeout(10):
        await streams.publish([an_entry(b"a")])
        await seen.until("dead")

    [letter] = await streams.dead_letters.page(NAME)
    assert letter.died_at - letter.published_at < 2
    assert len(inbox.batches) > 2
