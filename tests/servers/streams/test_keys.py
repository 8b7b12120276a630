"""Rules for the entries of one key: fairness, order, concurrency, rate, and slots that are never lost."""

import asyncio
import itertools
import random
import statistics
import time
from collections import Counter, defaultdict

import pytest
from tests.waiting import until

from adjudge.streams import Entry, Full, KeyRules, Reject, Retries, RetryLater, Streams, Subscription

NAME = "ask:m@1"
KEY = "{ask:m@1}:standard"
AT_ONCE = Retries(limit=50, base_seconds=0, cap_seconds=0)


def a_subscription(handler, **options):
    return Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": handler, "retries": AT_ONCE, **options})


def entries(key, *bodies, max_length=100_000, **options):
    return [Entry(NAME, "standard", body, max_length, key=key, **options) for body in bodies]


def numbered(count):
    return [b"%d" % i for i in range(count)]


async def lane(streams):
    return (await streams.depth(NAME, ["standard"])).lanes["standard"]


async def is_clean(redis):
    """Whether nothing is left of any entry but empty streams, the rules and the counter of tokens."""
    kept = {key.decode() async for key in redis.scan_iter("{ask:m@1}:*")} - {"{ask:m@1}:rules", "{ask:m@1}:counter"}
    return kept <= {KEY, "{ask:m@1}:dead"} and await redis.xlen(KEY) == 0


async def until_clean(redis):
    """There is no event for this on the server."""
    await until(lambda: is_clean(redis))


async def test_a_key_holds_no_more_of_the_lane_than_its_slots(streams, redis, working, inbox):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    async with working(a_subscription(inbox, keys=KeyRules(slots=3))):
        await streams.publish(entries("other", b"x"))
        await inbox.until(1)
        await streams.publish(entries("k", *numbered(10)))

        assert await redis.xlen(KEY) == 1 + 3
        measured = await lane(streams)
        assert (measured.length, measured.waiting) == (11, 7)

        release.set()
        await inbox.until(11)
    await until_clean(redis)


async def test_the_bound_of_the_lane_counts_the_backlog(streams):
    answers = await streams.publish(entries("k", *numbered(5), max_length=3))
    answers += await streams.publish([Entry(NAME, "standard", b"", 3)])

    assert answers[3:] == [Full(3)] * 3


async def test_what_waits_in_a_backlog_keeps_its_first_publication(streams, working, inbox):
    """Else whoever looks for lost messages would take it for lost, and send it again."""
    first, second = await streams.publish(entries("k", b"a", b"b"))
    published_ms = int(second.removeprefix("waiting/").split("-")[0])
    async with working(a_subscription(inbox, keys=KeyRules(slots=1))):
        await inbox.until(1)
        release = asyncio.Event()
        inbox.waits_for = release.wait
        await inbox.until(2)
        assert await streams.oldest(NAME, ["standard"]) == published_ms / 1000
        release.set()

    assert [m.origin for m in inbox.messages] == [f"standard/{first}", second]
    assert inbox.messages[1].published_ms == published_ms
    assert await streams.oldest(NAME, ["standard"]) is None


async def test_before_any_worker_has_told_the_rules_a_key_has_one_slot(streams, redis, working, inbox):
    await streams.publish(entries("k", *numbered(5)))
    assert await redis.xlen(KEY) == 1

    async with working(a_subscription(inbox)):  # and this one has none
        await inbox.until(5)

    assert inbox.bodies == numbered(5)
    await until_clean(redis)


@pytest.mark.parametrize("seed", range(3))
async def test_with_one_slot_a_key_keeps_its_order_through_failures_and_retries(streams, redis, working, seed):
    rng, done, finished = random.Random(seed), defaultdict(list), asyncio.Event()

    async def handler(messages):
        errors = {}
        for message in messages:
            if rng.random() < 0.3:
                errors[message.id] = rng.choice([ValueError(), RetryLater(0.003)])
            else:
                done[message.key].append(message.body)
        if sum(map(len, done.values())) == 100:
            finished.set()
        return errors

    together = [
        entry for of_turn in zip(*(entries(k, *numbered(20)) for k in "abcde"), strict=True) for entry in of_turn
    ]
    async with working(a_subscription(handler, keys=KeyRules(slots=1))), asyncio.timeout(20):
        await streams.publish(together)
        await finished.wait()

    assert dict(done) == dict.fromkeys("abcde", numbered(20))
    await until_clean(redis)


async def test_a_dead_consumers_entry_keeps_its_slot_until_another_has_handled_it(streams, redis, working, inbox, seen):
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await seen.until("regrouped")
    await streams.publish(entries("k", *numbered(3)))
    await redis.xreadgroup("adjudge", "killed", {KEY: ">"}, count=10)

    async with working(a_subscription(inbox, keys=KeyRules(slots=1), lease_seconds=0.2)):
        await inbox.until(3)

    assert inbox.bodies == numbered(3)
    assert inbox.messages[0].redelivered


async def test_the_entries_of_a_key_at_work_in_two_workers_are_bounded(streams, redis, redis_url, working):
    running, most, handled, finished = Counter(), Counter(), itertools.count(1), asyncio.Event()

    async def handler(messages):
        [message] = messages
        running[message.key] += 1
        most[message.key] = max(most[message.key], running[message.key])
        await asyncio.sleep(0.002)  # long enough for others to overlap
        running[message.key] -= 1
        if next(handled) == 120:
            finished.set()

    subscription = a_subscription(handler, batch=1, concurrency=6, keys=KeyRules(slots=3))
    async with working(subscription), working(subscription), asyncio.timeout(20):
        await streams.publish(entries("k", *numbered(60)) + entries("l", *numbered(60)))
        await finished.wait()

    assert most == {"k": 3, "l": 3}


@pytest.mark.parametrize("burst", [1, 4])
async def test_a_rate_is_kept_within_a_tenth(streams, working, inbox, burst):
    """Counted by the server's clock, at which the entries enter the lane. A pause of the machine is not made up for,
    so that only the quicker stretches say what the framework does, and the quickest whether it is slow."""
    rate, count, stretch = 200, 200, 20
    async with working(a_subscription(inbox, keys=KeyRules(slots=200, per_second=rate, burst=burst))):
        await streams.publish([Entry(NAME, "standard", b"up", 10)])
        await inbox.until(1)
        await streams.publish(entries("k", *numbered(count)))
        await inbox.until(1 + count)

    moments = sorted(int(m.id.split("-")[0]) for m in inbox.messages if m.key)
    assert moments[burst - 1] - moments[0] <= 5  # a burst is let in at once
    paced = moments[burst - 1 :]
    stretches = sorted(later - earlier for earlier, later in zip(paced, paced[stretch:], strict=False))
    wanted = stretch / rate * 1000
    assert stretches[len(stretches) // 4] >= 0.9 * wanted
    assert stretches[0] <= 1.1 * wanted
    assert paced[-1] - paced[0] >= 0.9 * len(paced) / rate * 1000


async def test_retries_count_towards_the_rate(streams, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: ValueError() for m in messages if m.failures < 4}
    async with working(a_subscription(inbox, keys=KeyRules(slots=1, per_second=20)), observer=seen):
        await seen.until("regrouped")
        await streams.publish(entries("k", b"a"))
        await inbox.until(5)

    moments = [int(m.id.split("-")[0]) for m in inbox.messages]
    assert moments[-1] - moments[0] >= 4 * 50 - 2  # the clocks of ids and of scripts are read a moment apart


async def waits_of_others(streams, working, flood):
    """How long each entry of ten small keys waits while `flood` entries of one key were published before them."""
    waits, started, finished = [], asyncio.Event(), asyncio.Event()

    async def handler(messages):
        started.set()
        await asyncio.sleep(0.0005)  # the work of one
        now = time.monotonic()
        waits.extend(now - began for m in messages if m.key.startswith("small"))
        if len(waits) == 100:
            finished.set()

    subscription = a_subscription(handler, batch=1, concurrency=2, keys=KeyRules(slots=2))
    async with working(subscription), asyncio.timeout(30):
        await streams.publish([Entry(NAME, "standard", b"up", 10)])
        await started.wait()  # else the worker's start counts as waiting
        await streams.publish(entries("flood", *numbered(flood)))
        began = time.monotonic()
        await streams.publish([entry for i in range(10) for entry in entries(f"small-{i}", *numbered(10))])
        await finished.wait()
        return statistics.mean(waits)


async def test_a_key_that_floods_fifty_to_one_does_not_double_the_wait_of_the_others(streams, redis, working):
    calm, flooded = [], []
    for _ in range(3):
        for waits, flood in ((calm, 0), (flooded, 50 * 100)):
            waits.append(await waits_of_others(streams, working, flood))
            await redis.flushall()

    assert statistics.median(flooded) <= 2 * statistics.median(calm)


async def test_ten_thousand_keys_move_without_a_stall(streams, redis, working):
    handled, finished, slowest = Counter(), asyncio.Event(), 0.0

    async def handler(messages):
        handled.update(m.key for m in messages)
        if handled.total() == 30_000:
            finished.set()

    async def watch():
        nonlocal slowest
        while not finished.is_set():  # not cancelled: in a command redis-py now and then swallows that
            began = time.monotonic()
            await redis.ping()
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.005)

    for start in range(0, 30_000, 1000):
        batch = [entries(str(i % 10_000), b"")[0] for i in range(start, start + 1000)]
        assert all(isinstance(answer, str) for answer in await streams.publish(batch))
    async with (
        asyncio.TaskGroup() as beside,
        asyncio.timeout(40),
        working(a_subscription(handler, keys=KeyRules(slots=1))),
    ):
        beside.create_task(watch())
        await finished.wait()

    assert set(handled.values()) == {3}
    assert slowest < 0.25
    await until_clean(redis)


async def test_entries_deleted_by_hand_free_their_slots(streams, redis, working, inbox, seen):
    await redis.xgroup_create(KEY, "adjudge", "0", mkstream=True)
    await streams.publish(entries("k", *numbered(3)))
    [[entry_id, _]] = await redis.xrange(KEY)
    await redis.xdel(KEY, entry_id)

    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await inbox.until(2)

    assert inbox.bodies == [b"1", b"2"]
    assert seen.counts["freed"] == 1
    await until_clean(redis)


async def test_parked_entries_deleted_by_hand_free_their_slots(streams, redis, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: RetryLater(60) for m in messages if m.body == b"0"}
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await streams.publish(entries("k", *numbered(2)))
        await seen.until("failed")
        await redis.delete("{ask:m@1}:delayed")
        await inbox.until(2)

    assert inbox.bodies == [b"0", b"1"]


async def test_a_dead_letter_frees_its_slot_and_keeps_key_trace_and_headers_through_replay(
    streams, redis, working, inbox, seen
):
    inbox.answer = lambda messages: {m.id: Reject("no") for m in messages if m.body == b"0"}
    marked = {"trace": "00-aa-bb-01", "headers": {"tenant": "é"}, "expires_at": time.time() + 60}
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await streams.publish(entries("k", b"0", b"1", **marked))
        await inbox.until(2)
        await seen.until("dead")
        [letter] = await streams.dead_letters.page(NAME)
        inbox.answer = lambda _: None
        assert await streams.dead_letters.replay(NAME, [letter.id]) == 1
        await inbox.until(3)

    again = inbox.messages[2]
    assert (letter.key, letter.trace, letter.headers) == ("k", "00-aa-bb-01", {"tenant": "é"})
    assert (again.body, again.key, again.trace, again.headers) == (b"0", "k", "00-aa-bb-01", {"tenant": "é"})
    assert again.expires_at is None
    await until_clean(redis)


async def test_a_replayed_letter_waits_for_its_turn(streams, redis, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: Reject("no") for m in messages if m.body == b"0"}
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await streams.publish(entries("k", b"0"))
        await seen.until("dead")
    [letter] = await streams.dead_letters.page(NAME)
    await streams.publish(entries("k", b"1"))

    await streams.dead_letters.replay(NAME, [letter.id])

    assert await redis.xlen(KEY) == 1
    assert (await lane(streams)).waiting == 1


async def test_more_slots_take_effect_without_a_restart_of_publishers(streams, redis, working, inbox, seen):
    async with working(a_subscription(inbox, keys=KeyRules(slots=1)), observer=seen):
        await seen.until("regrouped")
    await streams.publish(entries("k", *numbered(6)))
    release = asyncio.Event()
    inbox.waits_for = release.wait

    async with working(a_subscription(inbox, batch=1, concurrency=4, keys=KeyRules(slots=4))):
        await inbox.until(4)
        release.set()
        await inbox.until(6)


async def test_a_late_finish_does_not_pass_on_a_slot_that_another_holds(streams, redis):
    """A worker silent for longer than its lease comes back when another has retried its message."""
    from adjudge.streams.group import Again
    from adjudge.streams.retrying import trail_after

    rules = KeyRules(slots=1)
    late, other = (streams.group(NAME, ["standard"], who, rules) for who in ("late", "other"))
    try:
        await late.create()
        await streams.publish(entries("k", b"0", b"1"))
        [message] = (await late.read(["standard"], 10, 0.1))["standard"]
        await other.retry("standard", [Again(message, 60.0, trail_after(message, ValueError(), 0.0))])

        await late.acknowledge("standard", [message])

        assert await redis.xlen(KEY) == 0
        assert (await lane(streams)).waiting == 1
    finally:
        await late.close()
        await other.close()


async def test_flushed_rules_are_told_again_and_nothing_overtakes_meanwhile(streams, redis, working, inbox, seen):
    async with working(a_subscription(inbox, keys=KeyRules(slots=2)), observer=seen):
        await seen.until("regrouped")
        await redis.flushall()
        await streams.publish(entries("k", *numbered(5)))
        await inbox.until(5)
        await until(lambda: redis.hget("{ask:m@1}:rules", "slots"), lambda found: found == b"2")

    assert sorted(inbox.bodies) == numbered(5)


async def test_two_names_share_nothing(streams, redis_url, working, inbox):
    async with Streams(redis_url, rng=random.Random(2)) as other:
        await other.publish([Entry("ask:other@1", "standard", b"x", 10, key="k")] * 3)
        async with working(a_subscription(inbox, keys=KeyRules(slots=1))):
            await streams.publish(entries("k", b"a"))
            await inbox.until(1)

        assert (await other.depth("ask:other@1", ["standard"])).lanes["standard"].waiting == 2
